"""Calls webhooks by the Standard Webhooks convention (standardwebhooks.com).

What a tenant writes as an address is called from inside our network, so it is resolved first and refused where it
leads to a private place; the connection goes to the very address that was looked at, and no redirect is followed.
"""

import asyncio
import socket
from dataclasses import dataclass
from datetime import datetime

import httpx
from standardwebhooks import Webhook

from graftwork.kit.ledger import Ledger
from graftwork.kit.logging import get_logger
from graftwork.kit.tasks import TaskContext
from graftwork_gateway.addresses import is_public
from graftwork_gateway.announcing import CallWebhook
from graftwork_gateway.documents import WEBHOOKS
from graftwork_gateway.documents import WebhookRow
from graftwork_gateway.errors import WebhookRefused
from graftwork_gateway.errors import WebhookUnheard
from graftwork_gateway.settings import GatewaySettings

log = get_logger(__name__)


@dataclass(frozen=True)
class Messenger:
    """Calls webhooks."""

    http: httpx.AsyncClient
    ledger: Ledger
    settings: GatewaySettings

    async def call(self, task: CallWebhook, ctx: TaskContext) -> None:
        """Tell a webhook, and note what came of it. Raises ``WebhookUnheard`` and ``WebhookRefused``."""
        found = await ctx.read.find_one(WEBHOOKS, {"_id": task.webhook_id})
        if found is None:
            return  # deleted meanwhile
        row = WebhookRow.of(found)
        status: int | None = None
        try:
            status = await self._post(row, task, ctx.clock.now())
            judge(status)
        except WebhookUnheard as error:
            await self._note(row, status, str(error))
            raise WebhookUnheard(str(error), retry_after_seconds=self._wait_seconds(ctx.attempt)) from error
        except WebhookRefused as error:
            await self._note(row, status, str(error))
            raise
        await self._note(row, status, None)

    def _wait_seconds(self, attempt: int) -> float | None:
        """How long to wait after this attempt; the last one is not waited for."""
        waits = self.settings.webhook_retry_seconds
        return waits[attempt - 1] if attempt <= len(waits) else None

    async def _post(self, row: WebhookRow, task: CallWebhook, at: datetime) -> int:
        try:
            async with asyncio.timeout(self.settings.webhook_seconds):
                return await self._status(httpx.URL(row.url), signed(row.secret, task.request_id, at, task.body), task)
        except TimeoutError as error:
            raise WebhookUnheard(f"no answer within {self.settings.webhook_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise WebhookUnheard(f"{type(error).__name__}: {error}") from error

    async def _status(self, url: httpx.URL, signature: dict[str, str], task: CallWebhook) -> int:
        call = self.http.stream(
            "POST",
            url.copy_with(host=await self._address(url)),
            content=task.body.encode(),
            headers={"Host": url.netloc.decode("ascii"), "Content-Type": "application/json", **signature},
            extensions={"sni_hostname": url.host},
        )
        async with call as answer:  # its body is not read: it may be endless, and says nothing to us
            return answer.status_code

    async def _address(self, url: httpx.URL) -> str:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise WebhookUnheard(f"{url.host} cannot be resolved") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not self.settings.webhook_private_addresses and not all(map(is_public, addresses)):
            raise WebhookRefused(f"{url.host} leads to a private address, and webhooks can call public ones only")
        return addresses[0]

    async def _note(self, row: WebhookRow, status: int | None, error: str | None) -> None:
        news = {"last_status": status, "last_error": error, "last_called_at": self.ledger.clock.now()}
        await self.ledger.transaction(lambda tx: tx.update(WEBHOOKS, {"_id": row.id}, {"$set": news}))
        log.info("webhook.called", webhook_id=row.id, status=status, error=error)


def judge(status: int) -> None:
    """Raises ``WebhookRefused`` for 410, and ``WebhookUnheard`` for whatever else is no 2xx: redirects too."""
    if status == httpx.codes.GONE:
        raise WebhookRefused("the receiver wants no more calls (410)")
    if not httpx.codes.is_success(status):
        raise WebhookUnheard(f"answered {status}")


def new_http() -> httpx.AsyncClient:
    """A client for webhooks. No connection is used twice: one belongs to an address, and names share addresses."""
    return httpx.AsyncClient(
        headers={"User-Agent": "graftwork-webhooks"},
        follow_redirects=False,
        trust_env=False,
        timeout=None,  # noqa: S113 - the call as a whole has one
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def signed(secret: str, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """Headers of a call."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body),
    }
