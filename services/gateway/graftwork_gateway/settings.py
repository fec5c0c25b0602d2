"""Settings of the gateway."""

from typing import Annotated

from pydantic import Field
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from graftwork.contracts.jobs import MAX_WHOLE
from graftwork.contracts.rest_admin import MAX_RETENTION_DAYS
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.runtimes import RuntimesSetting
from graftwork.models.settings import CallerSettings

Origin = Annotated[str, Field(pattern=r"^(\*|https?://[^/\s]+)$")]
_ANY_POOL = "default"  # in GRAFTWORK_POOLS: the address of every pool without one of its own


class GatewaySettings(CallerSettings):
    """Read from ``GRAFTWORK_*``."""

    # hide_input: a mistake in one variable must not print the key.
    model_config = SettingsConfigDict(
        env_prefix="GRAFTWORK_", frozen=True, extra="ignore", hide_input_in_errors=True, env_parse_none_str="none"
    )

    http_port: int = Field(default=8080, ge=0, le=65535, description="the API, health and metrics; 0: any free port")
    gateway_first_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="admin key of the tenant 'default', stored hashed at start-up; long and random, as 'gw_...'",
    )
    known_pools: tuple[str, ...] = Field(
        default=("optimizer", "evaluator", "generator"),
        description="pools that GET /v1/pools shows beside those with an address of their own; a JSON list",
    )
    sandbox_runtimes: RuntimesSetting = Field(
        default=(WorkflowRuntime.MONTY,), description="runtimes that a job may name; the runner's setting, told early"
    )
    describe_seconds: float = Field(default=5.0, gt=0, description="how long a pool may take to tell what it serves")
    pool_check_seconds: float = Field(
        default=30.0, gt=0, description="how long each of the calls that check a pool may take"
    )
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="longest request body")
    max_address_bytes: int = Field(default=4 * 1024, ge=256, description="longest path and query")
    max_header_bytes: int = Field(default=12 * 1024, ge=1024, description="most bytes of all headers together")
    cors_origins: tuple[Origin, ...] = Field(
        default=(), description="browser origins that may call the API; a JSON list; none by default, ['*']: any"
    )
    tenant_requests_per_minute: int | None = Field(
        default=1_200, ge=1, le=MAX_WHOLE, description="of a tenant without limits of its own; none: not limited"
    )
    tenant_open_jobs: int | None = Field(
        default=1_000, ge=1, le=MAX_WHOLE, description="the same, for jobs that have not ended"
    )
    tenant_rows_per_job: int | None = Field(
        default=None, ge=1, le=MAX_WHOLE, description="the same, for the rows of one job"
    )
    tenant_retention_days: float | None = Field(
        default=None,
        gt=0,
        le=MAX_RETENTION_DAYS,
        description="the same, for how long ended jobs and datasets live; none: for ever",
    )
    idempotency_hours: float = Field(default=24.0, gt=0, description="how long an Idempotency-Key is remembered")
    keep_alive_seconds: float = Field(default=10.0, gt=0, description="silence on an event stream before a comment")
    stream_poll_seconds: float = Field(
        default=1.0, gt=0, description="how often to look for events that another replica admitted"
    )
    stream_gap_seconds: float = Field(
        default=60.0, ge=0, description="how long an event stream waits for a version that is missing in between"
    )
    stream_send_seconds: float = Field(
        default=30.0, gt=0, description="a client that takes nothing for so long is disconnected, and may resume"
    )
    preview_seconds: float = Field(default=120.0, gt=0, description="how long a client waits for a preview at most")
    webhook_seconds: float = Field(default=10.0, gt=0, description="how long a webhook's receiver may take to answer")
    webhook_retry_seconds: tuple[float, ...] = Field(
        default=(5.0, 30.0, 120.0, 900.0, 3600.0, 10800.0, 21600.0),
        description="waits between the calls of a webhook that fails; after the last one it is given up",
    )
    webhook_private_addresses: bool = Field(
        default=False, description="let webhooks call this machine and private networks, which tenants could spy on"
    )
    retention_sweep_seconds: float = Field(
        default=3600.0, gt=0, description="how often to look for jobs that are older than their tenant keeps them"
    )

    @property
    def all_pools(self) -> frozenset[str]:
        """Every pool that is known by name."""
        return frozenset(self.known_pools) | (frozenset(self.pools.by_pool) - {_ANY_POOL})

    @property
    def tenant_limits(self) -> TenantLimits:
        """Limits of a tenant that was given none."""
        return TenantLimits(
            requests_per_minute=self.tenant_requests_per_minute,
            open_jobs=self.tenant_open_jobs,
            rows_per_job=self.tenant_rows_per_job,
            retention_days=self.tenant_retention_days,
        )
