"""The relay: publishes outbox rows. One per database at a time, elected by a lease.

It may publish a row twice (a crash between send and delete) and never loses one; consumers know
events they have seen. Rows are deleted once Kafka has acknowledged them; one that Kafka refuses for good
is set aside with the reason.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTopicError
from aiokafka.errors import KafkaError
from aiokafka.errors import MessageSizeTooLargeError
from pymongo.errors import PyMongoError

from graftwork.kit import metrics
from graftwork.kit.backoff import backoff_seconds
from graftwork.kit.crash_points import crash_point
from graftwork.kit.ledger import LEASES
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import RELAY_LEASE
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.logging import get_logger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.spans import Spans
from graftwork.kit.work_spans import Sending

log = get_logger(__name__)
_BATCH = 200
_SEND_SECONDS = 30.0
_REFUSALS = (MessageSizeTooLargeError, InvalidTopicError)


class Relay:
    """Publishes one ledger's outbox. ``run`` returns after ``stop``, with the outbox empty if Kafka allows."""

    def __init__(
        self, ledger: Ledger, producer: AIOKafkaProducer, settings: ServiceSettings, spans: Spans | None = None
    ) -> None:
        self._ledger = ledger
        self._producer = producer
        self._settings = settings
        self._spans = spans or Spans()
        self._owner = secrets.token_hex(8)
        self._renewed_at = -math.inf
        self._stopping = False

    async def run(self) -> None:
        """Publish until stopped."""
        failures = 0
        while True:
            stopping = self._stopping
            try:
                published = await self._publish_batch() if await self._elected() else 0
                failures = 0
            except (KafkaError, PyMongoError, TimeoutError) as error:
                failures += 1
                published = 0
                log.warning("relay.failed", error=f"{type(error).__name__}: {error}", failures=failures)
                await asyncio.sleep(backoff_seconds(failures, base_seconds=0.2, cap_seconds=5))
            if stopping and not published:
                break
            if not published:
                await self._ledger.doorbells.outbox.wait(self._settings.poll_seconds)
        await self._resign()

    def stop(self) -> None:
        """Publish what is there, then end."""
        self._stopping = True
        self._ledger.doorbells.outbox.ring()

    async def _elected(self) -> bool:
        """Hold or take the lease; the server's clock decides. What was renewed just now is not asked again."""
        if time.monotonic() - self._renewed_at < self._settings.lease_seconds / 3:
            return True
        until = {"$add": ["$$NOW", int(self._settings.lease_seconds * 1000)]}
        free = {"$or": [{"owner": self._owner}, {"$expr": {"$lte": ["$until", "$$NOW"]}}]}
        take = [{"$set": {"owner": self._owner, "until": until}}]
        result = await self._ledger.database[LEASES].update_one({"_id": RELAY_LEASE, **free}, take)
        if result.matched_count:
            self._renewed_at = time.monotonic()
        return bool(result.matched_count)

    async def _resign(self) -> None:
        try:
            await self._ledger.database[LEASES].update_one(
                {"_id": RELAY_LEASE, "owner": self._owner}, [{"$set": {"until": "$$NOW"}}]
            )
        except PyMongoError as error:
            log.warning("relay.resign_failed", error=str(error))

    async def _publish_batch(self) -> int:
        rows = await self._ledger.read.find(OUTBOX, {}, sort=[("order", 1)], limit=_BATCH)
        if not rows:
            return 0
        crash_point("relay.read")
        async with asyncio.timeout(_SEND_SECONDS):
            outcomes = await asyncio.gather(*[await self._send(row) for row in rows], return_exceptions=True)
        crash_point("relay.sent")
        sent = [row for row, outcome in zip(rows, outcomes, strict=True) if not isinstance(outcome, BaseException)]
        refused = [(row, o) for row, o in zip(rows, outcomes, strict=True) if isinstance(o, _REFUSALS)]
        await self._set_aside(refused)
        await self._ledger.database[OUTBOX].delete_many({"_id": {"$in": [row["_id"] for row in sent]}})
        crash_point("relay.deleted")
        for row in sent:
            metrics.EVENTS_PUBLISHED.labels(row["event"]).inc()
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, _REFUSALS):
                raise outcome
        return len(rows)

    async def _send(self, row: Document) -> Awaitable[object]:
        """Hand over in order; within a partition the idempotent producer keeps that order."""
        with Sending(self._spans, row) as sending:
            try:
                future: asyncio.Future[object] = await self._producer.send(
                    row["topic"], value=row["value"], key=row["key"], headers=sending.headers
                )
            except _REFUSALS as refusal:
                return _failed(sending.failed(refusal))
            return sending.until(future)

    async def _set_aside(self, refused: Sequence[tuple[Document, BaseException]]) -> None:
        """Keep what Kafka will never take, with the reason, so that it holds up nothing behind it."""
        for row, refusal in refused:
            reason = f"{type(refusal).__name__}: {refusal}"
            log.error("event.refused", event_id=row["_id"], topic=row["topic"], reason=reason)
            kept = {"$set": {**row, "reason": reason}}
            await self._ledger.database[OUTBOX_REFUSED].update_one({"_id": row["_id"]}, kept, upsert=True)
            await self._ledger.database[OUTBOX].delete_one({"_id": row["_id"]})
            metrics.EVENTS_REFUSED.labels(row["event"]).inc()


async def _failed(error: Exception) -> object:
    raise error
