"""Events on their way: published before a moment, and perhaps not admitted by every service that consumes them.

A service commits what it has admitted, afterwards. So what lies before its committed offset is in its ledger, and
whatever is not in its ledger lies between there and the end of the topic: usually a handful of events.
"""

from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import bson
import stamina
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.errors import KafkaError
from aiokafka.errors import NotCoordinatorForGroupError

from graftwork.admin.errors import ServerAway
from graftwork.admin.errors import StillRunning
from graftwork.admin.ledgers import SERVICES
from graftwork.contracts.events import EventData
from graftwork.kit.bus import admin_of
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import group_of
from graftwork.kit.bus import new_consumer
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import new_reader
from graftwork.kit.bus import topic_of
from graftwork.kit.reading import PartitionReader
from graftwork.kit.reading import offsets_of
from graftwork.kit.reading import partitions_of
from graftwork.kit.settings import ServiceSettings

_SERVICE = "admin"
_STOPPED = {"Empty", "Dead"}
_NOT_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
_GROUPS_SECONDS = 30.0

Offsets = Mapping[TopicPartition, int]
Identity = tuple[str, str]
"""Source and id of an event."""


@dataclass(frozen=True)
class Group:
    """How far a service has read: next offset of each partition it has committed, and every topic it consumes."""

    state: str
    committed: Offsets
    topics: frozenset[str]


class Flight:
    """The topics of one platform, as they were when it was opened."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        consumer: AIOKafkaConsumer,
        partitions: Collection[TopicPartition],
        settings: ServiceSettings,
    ) -> None:
        self._admin = admin
        self._consumer = consumer
        self._settings = settings
        self._reader = PartitionReader(consumer, partitions)

    async def groups(self) -> dict[str, Group]:
        """How far each service has read."""
        return {service: await self._found(group_of(self._settings, service)) for service in SERVICES}

    async def ends(self) -> Offsets:
        """Offset after the last record of every partition."""
        return {one: there.stop for one, there in (await self._offsets()).items()}

    async def unread(self, groups: Mapping[str, Group]) -> Offsets:
        """First offset of every partition that some service has not admitted."""
        there = await self._offsets()
        return {one: max(offsets.start, _least(one, groups.values())) for one, offsets in there.items()}

    async def rows(self, begins: Offsets, ends: Offsets, *, but: Collection[Identity] = ()) -> AsyncIterator[bytes]:
        """Records between two offsets of each partition, as BSON, without the events of these identities."""
        for where in sorted(ends):
            async for record in self._reader.records(where, range(begins.get(where, 0), ends[where])):
                if _identity(record) not in but:
                    yield _row(record)

    async def _offsets(self) -> Mapping[TopicPartition, range]:
        return await offsets_of(self._consumer, self._reader.partitions)

    async def _found(self, name: str) -> Group:
        """A Kafka that is new, or was just started, is about to know who looks after its groups."""
        async for attempt in stamina.retry_context(on=_NOT_YET, attempts=None, timeout=_GROUPS_SECONDS, wait_max=1.0):
            with attempt:
                return await self._group(name)
        raise AssertionError("stamina ends with an answer or an error")

    async def _group(self, name: str) -> Group:
        found = await self._admin.list_consumer_group_offsets(name)
        committed = {where: one.offset for where, one in found.items() if one.offset >= 0}
        state, assigned = "Dead", set[str]()
        for answer in await self._admin.describe_consumer_groups([name]):
            for told in answer.to_object()["groups"]:
                state = told["state"]
                assigned |= {topic for member in told["members"] for topic in _assigned(member)}
        return Group(state, committed, frozenset(assigned | {where.topic for where in committed}))


@asynccontextmanager
async def open_flight(settings: ServiceSettings) -> AsyncIterator[Flight]:
    """Connect to Kafka; topics that are missing are made. Raises ``ServerAway``, and what ``admin_of`` raises."""
    try:
        async with AsyncExitStack() as opened:
            await ensure_topics(settings)
            admin = await opened.enter_async_context(admin_of(settings, _SERVICE))
            topics = {topic_of(settings.namespace, name) for name in EventData.registry}
            partitions = await partitions_of(admin, topics.intersection(await admin.list_topics()))
            consumer = new_reader(settings, _SERVICE)
            opened.push_async_callback(consumer.stop)
            await consumer.start()
            yield Flight(admin, consumer, partitions, settings)
    except KafkaError as error:
        raise ServerAway("Kafka", settings.kafka, error) from error


def require_stopped(groups: Mapping[str, Group]) -> None:
    """Raise ``StillRunning`` if a service consumes, or did until it was killed a moment ago."""
    running = sorted(service for service, group in groups.items() if group.state not in _STOPPED)
    if running:
        raise StillRunning(
            f"services run that would write beside the restore, and read beside the events: stop {', '.join(running)}"
        )


async def publish(settings: ServiceSettings, rows: AsyncIterator[bytes]) -> int:
    """Send records again as they were, each acknowledged; return their number."""
    producer, count = new_producer(settings, _SERVICE), 0
    await producer.start()
    try:
        async for row in rows:
            record = bson.decode(row)
            headers = [(name, content) for name, content in record["headers"]]
            await producer.send_and_wait(record["topic"], value=record["value"], key=record["key"], headers=headers)
            count += 1
    finally:
        await producer.stop()
    return count


async def set_offsets(settings: ServiceSettings, service: str, offsets: Offsets) -> None:
    """Let a service that is stopped go on from these offsets."""
    consumer = new_consumer(settings, service, ())
    consumer.assign(list(offsets))
    await consumer.start()
    try:
        await consumer.commit(dict(offsets))
    finally:
        await consumer.stop()


def _least(where: TopicPartition, groups: Iterable[Group]) -> int:
    """A group that consumes the topic and never committed this partition has admitted nothing of it."""
    return min((group.committed.get(where, 0) for group in groups if where.topic in group.topics), default=0)


def _assigned(member: Mapping[str, Any]) -> list[str]:
    data = member["member_assignment"]
    return [one[0] for one in ConsumerProtocolMemberAssignment.decode(data).assignment] if data else []


def _identity(record: Any) -> Identity:
    told = dict(record.headers)
    return told.get("ce_source", b"").decode(errors="replace"), told.get("ce_id", b"").decode(errors="replace")


def _row(record: Any) -> bytes:
    headers = [[name, content] for name, content in record.headers]
    return bson.encode({"topic": record.topic, "key": record.key, "value": record.value, "headers": headers})
