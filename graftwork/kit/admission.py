"""Admission: the consumer that turns records into ledger rows, and does nothing else.

A batch of records becomes one transaction: inbox, state, tasks, outbox. Only then are exactly these
offsets committed, and lazily: the inbox makes a replay harmless. What cannot be admitted goes to the
dead letter topic, bytes untouched. Nothing is skipped silently.
"""

import asyncio
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka import ConsumerRecord
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.errors import IllegalStateError
from aiokafka.errors import KafkaError

from graftwork.contracts.events import EventData
from graftwork.contracts.ids import derived_id
from graftwork.kit import metrics
from graftwork.kit.backoff import backoff_seconds
from graftwork.kit.bus import Event
from graftwork.kit.bus import decode
from graftwork.kit.bus import group_of
from graftwork.kit.crash_points import crash_point
from graftwork.kit.dead_letters import DeadLetters
from graftwork.kit.errors import MalformedEvent
from graftwork.kit.errors import PermanentError
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.ledger import is_outage
from graftwork.kit.logging import about
from graftwork.kit.logging import get_logger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.spans import Spans
from graftwork.kit.work_spans import Processing

log = get_logger(__name__)
Handler = Callable[[Event[Any], Transaction], Awaitable[None]]
_POLL_MS = 250
_COMMIT_SECONDS = 0.2
_HANDLER_ATTEMPTS = 3


@dataclass(frozen=True)
class Received:
    """A record and the event in it."""

    record: Any
    event: Event[EventData]

    @property
    def inbox_id(self) -> str:
        """Equal for redeliveries of the same event."""
        return derived_id(self.event.source, self.event.id)


class Admission:
    """Consumes the topics of one service. ``run`` returns after ``stop``."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        ledger: Ledger,
        settings: ServiceSettings,
        spans: Spans | None = None,
    ) -> None:
        self._handlers = handlers
        self._consumer = consumer
        self._dead_letters = DeadLetters(producer, ledger)
        self._ledger = ledger
        self._settings = settings
        self._spans = spans or Spans()
        self._group = group_of(settings, ledger.service)
        self._positions: dict[TopicPartition, int] = {}
        self._stopping = False

    async def run(self) -> None:
        """Admit until stopped; commit what was admitted."""
        committed_at = time.monotonic()
        while not self._stopping:
            batches = await self._consumer.getmany(
                timeout_ms=_POLL_MS, max_records=self._settings.admission_batch_records
            )
            if self._stopping:
                break  # what this last poll brought is uncommitted, so the next process gets it
            records = [record for batch in batches.values() for record in batch]
            if records:
                crash_point("admission.polled")
                await self._admit(records)
                crash_point("admission.admitted")
            if self._positions and time.monotonic() - committed_at >= _COMMIT_SECONDS:
                await self._commit()
                committed_at = time.monotonic()
        await self._commit()

    def stop(self) -> None:
        """Poll no more."""
        self._stopping = True

    async def _admit(self, records: Sequence[ConsumerRecord]) -> None:
        received: list[Received] = []
        for record in records:
            try:
                received.append(Received(record, decode(record.headers, record.key, record.value)))
            except MalformedEvent as error:
                await self._dead_letters.bury(record, error)
        if received:
            await self._admit_together(received)
        for record in records:
            self._positions[TopicPartition(record.topic, record.partition)] = record.offset + 1

    async def _admit_together(self, received: Sequence[Received]) -> None:
        """One transaction for all; where that fails, one for each, so that one bad event harms no other."""
        try:
            with metrics.ADMISSION_SECONDS.time():
                await self._transact(received, tells_failures=False)
        except Exception as error:  # noqa: BLE001 - told apart record by record below
            if not is_outage(error):
                log.warning("admission.batch_refused", error=str(error), records=len(received))
            for one in received:
                with _about(one.event):
                    await self._admit_alone(one)

    async def _admit_alone(self, one: Received) -> None:
        """Wait for as long as the ledger is away; give up on what fails with the ledger there."""
        attempt, crashes = 0, 0
        while not self._stopping:
            attempt += 1
            try:
                return await self._transact([one], tells_failures=True)
            except Exception as error:
                if is_outage(error):
                    log.warning("ledger.unreachable", error=str(error), attempt=attempt)
                else:
                    crashes += 1
                    if isinstance(error, PermanentError) or crashes >= _HANDLER_ATTEMPTS:
                        return await self._dead_letters.bury(one.record, error)
                    log.exception("handler.crashed", attempt=attempt)
            await asyncio.sleep(backoff_seconds(attempt, base_seconds=0.2, cap_seconds=10))
        raise asyncio.CancelledError

    async def _transact(self, received: Sequence[Received], *, tells_failures: bool) -> None:
        """What fails together is tried one by one, and told then."""
        with Processing(self._spans, self._group, tells_failures=tells_failures) as processing:
            new = await self._ledger.transaction(lambda tx: self._handle(received, tx, processing))
        for one in received:
            seen = metrics.EVENTS_ADMITTED if one.inbox_id in new else metrics.EVENTS_DUPLICATE
            seen.labels(one.event.data.event_name).inc()
            new.discard(one.inbox_id)  # it may stand in the batch twice

    async def _handle(self, received: Sequence[Received], tx: Transaction, processing: Processing) -> set[str]:
        ids = [one.inbox_id for one in received]
        known = {row["_id"] for row in await tx.find(INBOX, {"_id": {"$in": ids}}, projection={"_id": 1})}
        new: set[str] = set()
        processing.begin()
        for one in received:
            if one.inbox_id in known or one.inbox_id in new:
                continue
            new.add(one.inbox_id)
            await tx.insert(INBOX, _inbox_row(one, tx))
            with processing.of(one.event, one.record):
                await self._dispatch(one, tx)
        crash_point("admission.handled")
        return new

    async def _dispatch(self, one: Received, tx: Transaction) -> None:
        event = one.event
        handler = self._handlers.get(event.data.event_name)
        if handler is None:
            raise MalformedEvent(f"{event.type} does not belong on topic {one.record.topic}")
        with _about(event):
            with metrics.HANDLER_SECONDS.labels(event.data.event_name).time():
                await handler(event, tx)
            log.debug("event.admitted", event_type=event.type)

    async def _commit(self) -> None:
        positions, self._positions = self._positions, {}
        if not positions:
            return
        mine = {tp: offset for tp, offset in positions.items() if tp in self._consumer.assignment()}
        try:
            if mine:
                await self._consumer.commit(mine)
                crash_point("admission.committed")
        except (CommitFailedError, IllegalStateError) as error:
            log.info("commit.after_rebalance", error=str(error))  # the new owner replays; the inbox absorbs it
        except KafkaError as error:
            log.warning("commit.failed", error=str(error))
            self._positions = {**positions, **self._positions}


def _about(event: Event[EventData]) -> AbstractContextManager[None]:
    """Every line of the log that is written within says which event it is about."""
    data = event.data
    return about(
        job_id=data.job_id,
        node_id=getattr(data, "node_id", None),
        request_id=getattr(data, "request_id", None),
        event_id=event.id,
        kind=data.event_name,
    )


def _inbox_row(one: Received, tx: Transaction) -> dict[str, Any]:
    record = one.record
    return {
        "_id": one.inbox_id,
        "at": tx.now,
        "type": one.event.type,
        "job_id": one.event.data.job_id,
        "from": {"topic": record.topic, "partition": record.partition, "offset": record.offset},
        "traceparent": one.event.traceparent,
    }
