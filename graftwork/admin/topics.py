"""Topics: what there should be, what there is, and the changes that lead from one to the other.

Nothing is ever lowered. Kafka cannot take partitions away, and a shorter retention would delete events at once.
"""

import math
from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewPartitions
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.errors import for_code

from graftwork.admin.errors import ServerAway
from graftwork.admin.errors import TopicsRefused
from graftwork.contracts.events import EventData
from graftwork.kit.bus import admin_of
from graftwork.kit.bus import topic_configs
from graftwork.kit.bus import topics_of
from graftwork.kit.settings import ServiceSettings

PARTITIONS = "partitions"
REPLICAS = "replicas"
RETENTION = "retention.ms"
LARGEST = "max.message.bytes"
_NUMBERS = (RETENTION, LARGEST)
_SET_FOR_TOPIC = 1
_NONE = 0
_PURPOSE = "topics"


@dataclass(frozen=True)
class Topic:
    """A topic as it is, or should be.

    Attributes:
        numbers: effective value of what we care for, by Kafka's name; -1 milliseconds are for ever.
        told: every setting that this topic was given itself, ours and others'.
    """

    name: str
    partitions: int
    replicas: int
    numbers: Mapping[str, int]
    told: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Change:
    """One difference. ``why_not``: why it is left as it is; None where it is made."""

    topic: str
    what: str
    before: int | None
    after: int
    why_not: str | None = None

    @property
    def creates(self) -> bool:
        """Whether the topic is not there yet."""
        return self.what == PARTITIONS and self.before is None


def wanted_topics(settings: ServiceSettings, *, retention: timedelta | None = None) -> list[Topic]:
    """Every topic of the namespace, each followed by its dead letters. ``retention``: None: the usual."""
    usual = [(name, topic_configs(name)) for name in topics_of(settings.namespace, EventData.registry)]
    own = {} if retention is None else {RETENTION: str(retention // timedelta(milliseconds=1))}
    return [
        Topic(
            name,
            settings.topic_partitions,
            settings.topic_replicas,
            {key: int(value) for key, value in {**told, **own}.items()},
        )
        for name, told in usual
    ]


def plan(wanted: Iterable[Topic], found: Mapping[str, Topic]) -> list[Change]:
    """What differs, topic by topic; a topic to be made is one change, of its partitions."""
    return [change for topic in wanted for change in _changes(topic, found.get(topic.name))]


def _changes(wanted: Topic, found: Topic | None) -> Iterator[Change]:
    if found is None:
        yield Change(wanted.name, PARTITIONS, None, wanted.partitions)
        return
    if wanted.partitions != found.partitions:
        kept = None if wanted.partitions > found.partitions else "Kafka cannot take partitions away"
        yield Change(wanted.name, PARTITIONS, found.partitions, wanted.partitions, kept)
    if wanted.replicas != found.replicas:
        moved = "kafka-reassign-partitions moves copies"
        yield Change(wanted.name, REPLICAS, found.replicas, wanted.replicas, moved)
    for name, value in wanted.numbers.items():
        before = found.numbers[name]
        if before != value:
            kept = None if _length(value) > _length(before) else "never lowered"
            yield Change(wanted.name, name, before, value, kept)


def _length(value: int) -> float:
    return math.inf if value < 0 else value


async def read_topics(settings: ServiceSettings) -> dict[str, Topic]:
    """Topics of the namespace as they are. Raises ``ServerAway``, and what ``admin_of`` raises."""
    async with _admin(settings) as admin:
        return await _read(admin, settings)


async def apply(settings: ServiceSettings, wanted: Iterable[Topic], changes: Iterable[Change]) -> None:
    """Make ``changes``, but for those that are left. Raises ``TopicsRefused`` with what the broker says."""
    made = [change for change in changes if change.why_not is None]
    by_name = {topic.name: topic for topic in wanted}
    async with _admin(settings) as admin:
        await _create(admin, [by_name[change.topic] for change in made if change.creates])
        await _grow(admin, {one.topic: one.after for one in made if one.what == PARTITIONS and not one.creates})
        found = await _read(admin, settings)
        await _tell(admin, [(found[one.topic], one) for one in made if one.what in _NUMBERS])


@asynccontextmanager
async def _admin(settings: ServiceSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    try:
        async with admin_of(settings, _PURPOSE) as admin:
            yield admin
    except KafkaError as error:
        raise ServerAway("Kafka", settings.kafka, error) from error


async def _read(admin: AIOKafkaAdminClient, settings: ServiceSettings) -> dict[str, Topic]:
    ours = set(topics_of(settings.namespace, EventData.registry))
    names = sorted(ours.intersection(await admin.list_topics()))
    if not names:
        return {}
    told = await admin.describe_topics(names)
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    configs = {one["resource_name"]: one for answer in answers for one in answer.to_object()["resources"]}
    return {one["topic"]: _topic(one, configs[one["topic"]]) for one in told}


def _topic(told: Mapping[str, Any], configs: Mapping[str, Any]) -> Topic:
    entries = {one["config_names"]: one for one in configs["config_entries"]}
    copies = [len(one["replicas"]) for one in told["partitions"]]
    return Topic(
        name=told["topic"],
        partitions=len(copies),
        replicas=min(copies, default=0),
        numbers={name: int(entries[name]["config_value"]) for name in _NUMBERS if name in entries},
        told={name: one["config_value"] for name, one in entries.items() if one["config_source"] == _SET_FOR_TOPIC},
    )


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    if not topics:
        return
    new = [
        NewTopic(one.name, one.partitions, one.replicas, topic_configs={k: str(v) for k, v in one.numbers.items()})
        for one in topics
    ]
    for topic, code, *message in (await admin.create_topics(new)).topic_errors:
        _check(topic, "be made", code, *message)


async def _grow(admin: AIOKafkaAdminClient, partitions: Mapping[str, int]) -> None:
    if not partitions:
        return
    try:
        await admin.create_partitions({name: NewPartitions(total_count=count) for name, count in partitions.items()})
    except KafkaError as error:
        raise TopicsRefused(f"the broker adds no partitions: {error}") from error


async def _tell(admin: AIOKafkaAdminClient, changes: list[tuple[Topic, Change]]) -> None:
    """Set numbers. This request replaces all that a topic was told, so what others told it is sent along."""
    told: dict[str, dict[str, str]] = {}
    for topic, change in changes:
        told.setdefault(topic.name, dict(topic.told))[change.what] = str(change.after)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in told.items()]
    for answer in await admin.alter_configs(resources) if resources else ():
        for one in answer.to_object()["resources"]:
            _check(one["resource_name"], "be changed", one["error_code"], one["error_message"])


def _check(topic: str, what: str, code: int, message: str | None = None) -> None:
    if code != _NONE:
        raise TopicsRefused(f"topic {topic} cannot {what}: {message or for_code(code).description}")
