"""A tenant's webhooks."""

import base64
import secrets
from collections.abc import Sequence

from pydantic import HttpUrl

from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork_gateway.addresses import is_public_name
from graftwork_gateway.documents import WEBHOOKS
from graftwork_gateway.documents import WebhookRow
from graftwork_gateway.documents import as_stored
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.errors import NotFound
from graftwork_gateway.errors import TooManyWebhooks
from graftwork_gateway.settings import GatewaySettings
from graftwork_gateway.views import webhook_view

MAX_WEBHOOKS = 20
_ID_BYTES = 12
_SECRET_BYTES = 32


async def create(tx: Transaction, tenant: str, wanted: WebhookRequest, settings: GatewaySettings) -> WebhookCreated:
    """A new webhook. Raises ``JobInvalid`` and ``TooManyWebhooks``."""
    _check_url(wanted.url, private=settings.webhook_private_addresses)
    if await tx.count(WEBHOOKS, {"tenant": tenant}) >= MAX_WEBHOOKS:
        raise TooManyWebhooks(f"a tenant may have {MAX_WEBHOOKS} webhooks: delete one first")
    row = WebhookRow(
        id=f"wh-{secrets.token_hex(_ID_BYTES)}",
        tenant=tenant,
        url=str(wanted.url),
        events=tuple(dict.fromkeys(wanted.events)),
        secret=new_secret(),
        created_at=as_stored(tx.now),
    )
    await tx.insert(WEBHOOKS, {"_id": row.id, **row.model_dump(exclude={"id"})})
    return WebhookCreated(**webhook_view(row).model_dump(), secret=row.secret)


def new_secret() -> str:
    """A fresh secret in the convention's form."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _check_url(url: HttpUrl, *, private: bool) -> None:
    if url.username is not None or url.password is not None:
        message = "leave name and password out: calls are signed, and that is how they are known"
    elif not private and not is_public_name(str(url.host)):
        message = "this address is private: webhooks can call public ones only"
    else:
        return
    raise JobInvalid(message, [ProblemError(path="url", message=message)])


async def listed(read: Reader, tenant: str) -> Sequence[WebhookRow]:
    """The tenant's webhooks, newest first."""
    rows = await read.find(WEBHOOKS, {"tenant": tenant}, sort=[("created_at", -1), ("_id", -1)])
    return [WebhookRow.of(row) for row in rows]


async def delete(tx: Transaction, tenant: str, webhook_id: str) -> None:
    """Call it no more. Raises ``NotFound``."""
    if not await tx.delete(WEBHOOKS, {"_id": webhook_id, "tenant": tenant}):
        raise NotFound(f"no webhook {webhook_id!r}")
