"""Events on Kafka: CloudEvents 1.0 in binary mode, JSON data, key = job id, one topic per event type."""

import json
from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Generic
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaConnectionError
from aiokafka.errors import NoError
from aiokafka.errors import TopicAlreadyExistsError
from aiokafka.errors import for_code
from cloudevents.core.bindings.kafka import KafkaMessage
from cloudevents.core.bindings.kafka import from_binary
from cloudevents.core.bindings.kafka import to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from graftwork.contracts.events import EVENT_VERSION
from graftwork.contracts.events import EventData
from graftwork.contracts.ids import derived_id
from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.errors import MalformedEvent
from graftwork.kit.refusals import kafka_refusal
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tracing import is_traceparent

D = TypeVar("D", bound=EventData)
_RETENTION_MS = str(7 * 24 * 3600 * 1000)
_DEAD_LETTER_BYTES = 2 * 1024 * 1024
_DLQ_SUFFIX = ".dlq"
TRACEPARENT = "traceparent"
"""Header of the span that carries a record. The envelope's ``ce_traceparent`` is of the work that wrote the event."""


@dataclass(frozen=True)
class Event(Generic[D]):
    """An event as received: its data and what the envelope said. ``source`` + ``id`` is unique."""

    data: D
    id: str
    source: str
    type: str
    time: datetime
    traceparent: str | None = None


@dataclass(frozen=True)
class Record:
    """What is sent to Kafka."""

    topic: str
    key: bytes
    value: bytes
    headers: Mapping[str, bytes]


def event_type(event_name: str) -> str:
    """CloudEvents type: ``samples.requested`` -> ``graftwork.samples.requested.v1``."""
    return f"graftwork.{event_name}.{EVENT_VERSION}"


def topic_of(namespace: str, event_name: str) -> str:
    """Topic of an event; the namespace lets several platforms share one Kafka."""
    return f"{namespace}.{event_name}.{EVENT_VERSION}"


def dead_letter_topic(topic: str) -> str:
    """Where records of ``topic`` go that cannot be admitted."""
    return topic + _DLQ_SUFFIX


def is_dead_letter_topic(topic: str) -> bool:
    """Whether ``topic`` holds dead letters."""
    return topic.endswith(_DLQ_SUFFIX)


def origin_topic(topic: str) -> str:
    """Where the records of a dead letter topic were sent to first."""
    return topic.removesuffix(_DLQ_SUFFIX)


def event_id(data: EventData) -> str:
    """CloudEvents id: derived, so that the same fact always has the same id."""
    return derived_id(data.event_name, data.identity)


def encode(data: EventData, *, namespace: str, source: str, time: datetime, traceparent: str | None) -> Record:
    """Event -> Kafka record."""
    attributes: dict[str, Any] = {
        "id": event_id(data),
        "source": source,
        "type": event_type(data.event_name),
        "time": time,
        "subject": data.job_id,
        "datacontenttype": "application/json",
        "partitionkey": data.job_id,
        **({} if traceparent is None else {"traceparent": traceparent}),
    }
    message = to_binary(CloudEvent(attributes, data.model_dump(mode="json")), JSONFormat())
    return Record(topic_of(namespace, data.event_name), data.job_id.encode(), message.value, message.headers)


def decode(headers: Iterable[tuple[str, bytes | None]], key: bytes | None, value: bytes | None) -> Event[EventData]:
    """Kafka record -> event. Raises ``MalformedEvent`` with a readable reason."""
    try:
        known = {name: content for name, content in headers if content is not None}
        message = KafkaMessage(headers=known, key=key, value=value or b"")
        envelope = from_binary(message, JSONFormat())
        return Event(
            data=_data_of(envelope.get_type(), envelope.get_data()),
            id=envelope.get_id(),
            source=envelope.get_source(),
            type=envelope.get_type(),
            time=envelope.get_time() or datetime.now(UTC),
            traceparent=_carrier(known) or envelope.get_extension("traceparent"),
        )
    except MalformedEvent:
        raise
    except Exception as error:
        # Anybody's bytes: parsers have more ways to fail on them than they document, and none may end the service.
        raise MalformedEvent(f"not a CloudEvent in binary mode: {_first_line(error)}") from error


def _carrier(headers: Mapping[str, bytes]) -> str | None:
    """The span that carried the record here; the envelope's own tells who wrote the event, wherever it has been."""
    told = headers.get(TRACEPARENT, b"").decode("ascii", "replace")
    return told if is_traceparent(told) else None


def _data_of(type_name: str, data: object) -> EventData:
    model = next((m for name, m in EventData.registry.items() if event_type(name) == type_name), None)
    if model is None:
        raise MalformedEvent(f"unknown event type {type_name!r}")
    try:
        return (
            model.model_validate_json(data)
            if isinstance(data, (str, bytes))
            else model.model_validate_json(json.dumps(data))
        )
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise MalformedEvent(f"data of {type_name} is not valid: {where}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def group_of(settings: ServiceSettings, service: str) -> str:
    """Consumer group of a service."""
    return f"{settings.namespace}.{service}"


def new_consumer(settings: ServiceSettings, service: str, topics: Iterable[str]) -> AIOKafkaConsumer:
    """Consumer whose seven treacherous defaults are all chosen on purpose."""
    return AIOKafkaConsumer(
        *topics,
        **kafka_arguments(settings),
        group_id=group_of(settings, service),
        client_id=f"graftwork-{service}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=int(settings.session_seconds * 1000),
        heartbeat_interval_ms=int(settings.session_seconds * 300),
        max_poll_interval_ms=300_000,
        rebalance_timeout_ms=int(settings.session_seconds * 1000),
        isolation_level="read_uncommitted",
        metadata_max_age_ms=30_000,  # partitions that an operator adds are read so soon
        fetch_max_wait_ms=250,  # data is sent as soon as it is there; this is how often nothing is
    )


def new_reader(settings: ServiceSettings, service: str) -> AIOKafkaConsumer:
    """Consumer of no group, for whoever looks at partitions of their choice and leaves no trace."""
    return AIOKafkaConsumer(
        **kafka_arguments(settings),
        client_id=f"graftwork-{service}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_uncommitted",
    )


def new_producer(settings: ServiceSettings, service: str) -> AIOKafkaProducer:
    """Idempotent producer, acks=all."""
    return AIOKafkaProducer(
        **kafka_arguments(settings),
        client_id=f"graftwork-{service}",
        enable_idempotence=True,
        max_request_size=_DEAD_LETTER_BYTES,
    )


def topics_of(namespace: str, event_names: Iterable[str]) -> list[str]:
    """Topics of events, each followed by its DLQ."""
    names = [topic_of(namespace, name) for name in event_names]
    return [topic for name in names for topic in (name, dead_letter_topic(name))]


async def ensure_topics(settings: ServiceSettings, event_names: Iterable[str] | None = None) -> list[str]:
    """Create the topics (and their DLQs) that are missing; return the names of the new ones.

    Raises ``KafkaError``, and what ``admin_of`` raises.
    """
    wanted = topics_of(settings.namespace, event_names or EventData.registry)
    async with admin_of(settings, "topics") as admin:
        missing = sorted(set(wanted) - set(await admin.list_topics()))
        return await _create(admin, missing, settings) if missing else []


@asynccontextmanager
async def admin_of(settings: ServiceSettings, purpose: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Admin client, connected. Raises ``ServerRefuses`` or ``DependencyDown`` that say why it cannot be."""
    admin = AIOKafkaAdminClient(**kafka_arguments(settings), client_id=f"graftwork-{purpose}")
    try:
        try:
            await admin.start()
        except KafkaConnectionError as error:
            raise await kafka_refusal(settings) from error
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: list[str], settings: ServiceSettings) -> list[str]:
    """Those that were not there after all; others may have been made by a service that started beside us."""
    new = [
        NewTopic(topic, settings.topic_partitions, settings.topic_replicas, topic_configs=topic_configs(topic))
        for topic in topics
    ]
    response = await admin.create_topics(new)
    created = []
    for topic, code, *message in response.topic_errors:
        error = for_code(code)
        if error is NoError:
            created.append(topic)
        elif error is not TopicAlreadyExistsError:
            raise error(f"topic {topic} cannot be created: {' '.join(filter(None, message)) or error.description}")
    return sorted(created)


def topic_configs(topic: str) -> dict[str, str]:
    """What a topic is told beside its size; a dead letter has headers that say why it died, so it may be larger."""
    larger = {"max.message.bytes": str(_DEAD_LETTER_BYTES)} if topic.endswith(_DLQ_SUFFIX) else {}
    return {"retention.ms": _RETENTION_MS, **larger}
