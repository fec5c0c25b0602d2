"""Measures what waits: tasks, events to publish, records to admit, dead letters.

A number that is only set when something moves says nothing about what stands still. So every process looks, every
``watch_seconds``, at the whole of its service: a few indexed queries and a few offsets, the same from every replica.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from pymongo import ASCENDING
from pymongo.errors import PyMongoError

from graftwork.kit import metrics
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import is_dead_letter_topic
from graftwork.kit.bus import origin_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.errors import GraftworkError
from graftwork.kit.graves import Graves
from graftwork.kit.lag import Stand
from graftwork.kit.lag import Waits
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import READY
from graftwork.kit.ledger import RUNNING
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.logging import get_logger
from graftwork.kit.offsets import GroupOffsets
from graftwork.kit.settings import ServiceSettings

log = get_logger(__name__)
LEDGER, KAFKA = "ledger", "kafka"
_LOOK_SECONDS = 10.0


def due_tasks(now: datetime) -> list[dict[str, Any]]:
    """Number of tasks that are due and in nobody's hands, and when the oldest was: read from an index alone."""
    return [
        {"$match": {"state": {"$in": [READY, RUNNING]}, "due": {"$lte": now}}},
        {"$group": {"_id": None, "count": {"$sum": 1}, "oldest": {"$min": "$due"}}},
    ]


class Watch:
    """Sets the gauges of one service. ``run`` returns after ``stop``."""

    def __init__(self, ledger: Ledger, offsets: GroupOffsets, topics: Iterable[str], *, every_seconds: float) -> None:
        self._ledger = ledger
        self._offsets = offsets
        self._topics = tuple(topics)
        self._every_seconds = every_seconds
        self._stopping = asyncio.Event()
        self._waits: Waits[TopicPartition] = Waits()
        self._graves: Graves[TopicPartition] = Graves()

    @classmethod
    def over(cls, ledger: Ledger, settings: ServiceSettings, events: Iterable[str]) -> Self:
        """Watch over a service that admits ``events``."""
        topics = [topic_of(settings.namespace, event) for event in events]
        return cls(ledger, GroupOffsets(settings, ledger.service), topics, every_seconds=settings.watch_seconds)

    async def run(self) -> None:
        """Look again and again; what cannot be read is said, and its gauges stay as they are."""
        for what in (LEDGER, KAFKA):
            self._seen(what)
        try:
            while not await self._stopped_within(self._every_seconds):
                await self._try(LEDGER, self._look_at_ledger)
                if not await self._try(KAFKA, self._look_at_kafka):
                    await self._offsets.close()
        finally:
            await self._offsets.close()

    def stop(self) -> None:
        """Look no more. A look under way ends first: connections that are cancelled while they open stay open."""
        self._stopping.set()

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()

    async def _try(self, what: str, look: Callable[[], Awaitable[None]]) -> bool:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await look()
        except (PyMongoError, KafkaError, GraftworkError, OSError) as error:  # TimeoutError is an OSError
            log.warning("watch.failed", what=what, error=f"{type(error).__name__}: {error}")
            return False
        self._seen(what)
        return True

    def _seen(self, what: str) -> None:
        metrics.WATCHED_AT_SECONDS.labels(what).set(self._ledger.clock.now().timestamp())

    async def _look_at_ledger(self) -> None:
        database = self._ledger.database
        now = self._ledger.clock.now()
        due = await database[TASKS].aggregate(due_tasks(now)).to_list(None)
        metrics.READY_TASKS.set(due[0]["count"] if due else 0)
        metrics.READY_TASK_AGE_SECONDS.set(_seconds(now - due[0]["oldest"]) if due else 0)
        unpublished = await self._ledger.read.find(OUTBOX, {}, [("order", ASCENDING)], 1, {"at": 1})
        metrics.OUTBOX_AGE_SECONDS.set(_seconds(now - unpublished[0]["at"]) if unpublished else 0)
        metrics.OUTBOX_ROWS.set(await database[OUTBOX].estimated_document_count())
        metrics.OUTBOX_REFUSED_ROWS.set(await database[OUTBOX_REFUSED].estimated_document_count())

    async def _look_at_kafka(self) -> None:
        dead = [dead_letter_topic(topic) for topic in self._topics]
        stands = await self._offsets.of([*self._topics, *dead])
        self._show_waits({one: stand for one, stand in stands.items() if not is_dead_letter_topic(one.topic)})
        await self._show_letters({one: stand for one, stand in stands.items() if is_dead_letter_topic(one.topic)})

    async def _show_letters(self, stands: Mapping[TopicPartition, Stand]) -> None:
        async for record in self._offsets.records(stands, self._graves.unread(stands)):
            where = TopicPartition(record.topic, record.partition)
            self._graves.note(where, record.offset, record.headers)
        for topic, letters in _by_topic(self._graves.depths(stands), sum).items():
            metrics.DEAD_LETTERS.labels(origin_topic(topic)).set(letters)

    def _show_waits(self, stands: Mapping[TopicPartition, Stand]) -> None:
        waited = self._waits.observe(stands, self._ledger.clock.now().timestamp())
        for topic, seconds in _by_topic(waited, max).items():
            metrics.ADMISSION_LAG_SECONDS.labels(topic).set(seconds)
        for topic, records in _by_topic({one: stand.lag for one, stand in stands.items()}, sum).items():
            metrics.ADMISSION_LAG_RECORDS.labels(topic).set(records)


def _seconds(age: timedelta) -> float:
    return max(0.0, age.total_seconds())


def _by_topic(
    numbers: Mapping[TopicPartition, float], joined: Callable[[Iterable[float]], float]
) -> Mapping[str, float]:
    """One number a topic, of those of its partitions."""
    found: dict[str, list[float]] = defaultdict(list)
    for one, number in numbers.items():
        found[one.topic].append(number)
    return {topic: joined(every) for topic, every in found.items()}
