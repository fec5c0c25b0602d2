"""Runs a service inside the test's own process, and listens to what it says on Kafka."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from graftwork.contracts.events import EventData
from graftwork.kit.bus import Event
from graftwork.kit.bus import decode
from graftwork.kit.bus import encode
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import topic_of
from graftwork.kit.clock import SystemClock
from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.errors import MalformedEvent
from graftwork.kit.service import Service
from graftwork.kit.service import run
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually

S = TypeVar("S", bound=ServiceSettings)
D = TypeVar("D", bound=EventData)
TRACEPARENT = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"


def settings_for(kind: type[S], *, kafka: str, mongo: str, home: Path, **more: Any) -> S:
    """Settings with a namespace of their own and short waits."""
    return kind(
        **{
            "kafka": kafka,
            "mongo": mongo,
            "namespace": f"t{secrets.token_hex(4)}",
            "blobs": (home / "blobs").as_uri(),
            "topic_partitions": 1,
            "lease_seconds": 3.0,
            "poll_seconds": 0.05,
            "retry_base_seconds": 0.02,
            "drain_seconds": 2.0,
            **more,
        }
    )


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """The service, consuming and serving; stopped gracefully at the end."""
    stop, started = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        living = group.create_task(run(service, stop, started))
        waiting = group.create_task(started.wait())
        await asyncio.wait([living, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            yield service
        finally:
            stop.set()


class Bus:
    """The test's own ears and mouth on Kafka."""

    def __init__(self, settings: ServiceSettings, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._producer = producer
        self._consumer = consumer
        self.heard: list[Event[EventData]] = []

    async def send(self, data: EventData, *, source: str = "/tests") -> None:
        """Publish an event as a service would."""
        record = encode(
            data,
            namespace=self._settings.namespace,
            source=source,
            time=SystemClock().now(),
            traceparent=TRACEPARENT,
        )
        await self.send_raw(record.topic, record.value, list(record.headers.items()), record.key)

    async def send_raw(
        self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes | None]], key: bytes | None = None
    ) -> None:
        """Publish any bytes."""
        await self._producer.send_and_wait(topic, value=value, headers=list(headers), key=key)

    async def wait_for(self, kind: type[D], count: int = 1, timeout_seconds: float = 60) -> list[D]:
        """At least ``count`` events of a type, in the order heard."""

        async def enough() -> list[D]:
            await self.listen()
            found = self.all(kind)
            assert len(found) >= count, f"{len(found)} of {count} {kind.event_name} heard"
            return found

        return await assert_eventually(enough, timeout_seconds=timeout_seconds)

    def all(self, kind: type[D]) -> list[D]:
        """Events of a type heard so far."""
        return [event.data for event in self.heard if isinstance(event.data, kind)]

    async def listen(self) -> None:
        """Take in what was published since."""
        batches = await self._consumer.getmany(timeout_ms=50)
        for batch in batches.values():
            for record in batch:
                with contextlib.suppress(MalformedEvent):  # junk that a test has sent is nobody's event
                    self.heard.append(decode(record.headers, record.key, record.value))


@asynccontextmanager
async def bus_of(settings: ServiceSettings) -> AsyncIterator[Bus]:
    """Hear every event of the settings' namespace, from the beginning."""
    await ensure_topics(settings)
    topics = [topic_of(settings.namespace, name) for name in EventData.registry]
    consumer = AIOKafkaConsumer(*topics, **kafka_arguments(settings), auto_offset_reset="earliest")
    producer = new_producer(settings, "tests")
    try:
        await producer.start()
        await consumer.start()
        yield Bus(settings, producer, consumer)
    finally:
        await consumer.stop()
        await producer.stop()
        await _forget(settings)


async def _forget(settings: ServiceSettings) -> None:
    """Delete the namespace's topics: a broker that keeps those of every test gets slower with each."""
    admin = AIOKafkaAdminClient(**kafka_arguments(settings))
    await admin.start()
    try:
        await admin.delete_topics([t for t in await admin.list_topics() if t.startswith(f"{settings.namespace}.")])
    finally:
        await admin.close()


async def records_of(settings: ServiceSettings, topic: str, count: int) -> list[Any]:
    """First ``count`` records of a topic, bytes as they are."""
    consumer = AIOKafkaConsumer(topic, **kafka_arguments(settings), auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: list[Any] = []

        async def enough() -> list[Any]:
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                found.extend(batch)
            assert len(found) >= count
            return found

        return await assert_eventually(enough, timeout_seconds=60)
    finally:
        await consumer.stop()
