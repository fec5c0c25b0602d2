"""Keys, tenants and webhooks as the REST API serves them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic import HttpUrl

from graftwork.contracts.base import Contract
from graftwork.contracts.base import Written
from graftwork.contracts.jobs import MAX_WHOLE

MAX_RETENTION_DAYS = 36_500
TenantName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class KeyRequest(Written):
    """Body of ``POST /v1/admin/keys``. ``admin`` keys may also manage keys and tenants, of every tenant."""

    tenant: TenantName
    name: str = Field(default="", max_length=100, description="whose it is, for the list")
    admin: bool = Field(default=False, strict=True)


class KeyView(Contract):
    """An API key, without the key: only its digest is stored. ``hint`` is its beginning."""

    id: str
    tenant: str
    name: str
    admin: bool
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


class KeyCreated(KeyView):
    """A new key, and the only time that it is shown."""

    key: str


class KeyList(Contract):
    """All keys, newest first."""

    items: tuple[KeyView, ...]


class TenantLimits(Written):
    """Body of ``PUT /v1/admin/tenants/{tenant}``, and its answer. None: not limited."""

    requests_per_minute: int | None = Field(default=None, ge=1, le=MAX_WHOLE)
    open_jobs: int | None = Field(default=None, ge=1, le=MAX_WHOLE, description="jobs that have not ended, at once")
    rows_per_job: int | None = Field(default=None, ge=1, le=MAX_WHOLE)
    retention_days: float | None = Field(
        default=None, gt=0, le=MAX_RETENTION_DAYS, description="ended jobs and datasets live so long"
    )


class WebhookEvent(StrEnum):
    """What a webhook can be told."""

    JOB_FINISHED = "job.finished"
    REVIEW_REQUESTED = "review.requested"


class WebhookRequest(Written):
    """Body of ``POST /v1/webhooks``. Calls follow the Standard Webhooks convention, signed with the secret."""

    url: HttpUrl
    events: tuple[WebhookEvent, ...] = Field(default=tuple(WebhookEvent), min_length=1)


class WebhookView(Contract):
    """A webhook of the caller's tenant."""

    id: str
    url: str
    events: tuple[WebhookEvent, ...]
    created_at: datetime
    last_status: int | None = Field(default=None, description="HTTP status of the last call; None: none was answered")
    last_error: str | None = None
    last_called_at: datetime | None = None


class WebhookCreated(WebhookView):
    """A new webhook, and the only time that its secret is shown."""

    secret: str


class WebhookList(Contract):
    """All webhooks of the tenant, newest first."""

    items: tuple[WebhookView, ...]
