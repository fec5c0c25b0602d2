"""Settings of the gateway."""

from pydantic import Field
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from graftwork.kit.settings import ServiceSettings
from graftwork.models.addresses import PoolAddresses
from graftwork.models.addresses import PoolsSetting

_ANY_POOL = "default"  # in GRAFTWORK_POOLS: the address of every pool without one of its own


class GatewaySettings(ServiceSettings):
    """Read from ``GRAFTWORK_*``."""

    # hide_input: a mistake in one variable must not print the key.
    model_config = SettingsConfigDict(env_prefix="GRAFTWORK_", frozen=True, extra="ignore", hide_input_in_errors=True)

    http_port: int = Field(default=8080, ge=0, le=65535, description="the API, health and metrics; 0: any free port")
    gateway_first_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="API key of the tenant 'default', stored hashed at start-up; long and random, as 'gw_...'",
    )
    pools: PoolsSetting = Field(
        default=PoolAddresses.everywhere("127.0.0.1:50051"),
        description="gRPC target of the solvers: one for all pools, or a JSON object pool -> target",
    )
    known_pools: tuple[str, ...] = Field(
        default=("optimizer", "evaluator", "generator"),
        description="pools that GET /v1/pools shows beside those with an address of their own; a JSON list",
    )
    describe_seconds: float = Field(default=5.0, gt=0, description="how long a pool may take to tell what it serves")
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024, description="longest request body")
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

    @property
    def all_pools(self) -> frozenset[str]:
        """Every pool that is known by name."""
        return frozenset(self.known_pools) | (frozenset(self.pools.by_pool) - {_ANY_POOL})
