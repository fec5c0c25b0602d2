"""Records that nobody can admit: each becomes a dead letter, and the service goes on with the next."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.config_resource import ConfigResourceType
from pymongo.errors import DuplicateKeyError

from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from tests.support.in_process import bus_of
from tests.support.in_process import records_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import BLOB
from tests.support.kit_worker import a_request

POISON = "poison"
ENVELOPE: list[tuple[str, bytes]] = [
    ("ce_id", b"1"),
    ("ce_source", b"/x"),
    ("ce_specversion", b"1.0"),
    ("ce_type", b"graftwork.seeds.requested.v1"),
    ("content-type", b"application/json"),
]
# What the broker takes from anybody leaves no room for the headers that a dead letter has besides.
LARGEST = b"x" * (1024 * 1024 - 400)


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


def a_service(settings: ServiceSettings) -> Service:
    """Answers every request at once, but for that of the job ``poison``."""
    router = Router("answerer")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        if event.data.job_id == POISON:
            raise DuplicateKeyError("E11000 duplicate key error, today and for ever", 11000)
        told = {"job_id": event.data.job_id, "request_id": event.data.request_id, "space": BLOB, "size": 1}
        tx.emit(SeedsProposed.model_validate(told))

    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "answerer"),
        blobs=Blobs.open(settings.blobs),
    )


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"[" * 200_000, ENVELOPE),
        (b"{}", [*ENVELOPE, ("x", None)]),
        (b"\xff\xfe{}", ENVELOPE),
        (b"{}", [("ce_id", b"\xff"), *ENVELOPE[1:]]),
        (LARGEST, ENVELOPE),
    ],
    ids=["deep", "header without a value", "no text", "header that is no text", "largest"],
)
async def test_a_record_that_cannot_be_read_is_buried_byte_for_byte_and_the_next_is_admitted(
    settings: ServiceSettings, value: bytes, headers: list[tuple[str, bytes]]
) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    async with bus_of(settings) as bus, running(a_service(settings)):
        await bus.send_raw(topic, value, headers)
        await bus.send(a_request(0))
        [dead] = await records_of(settings, dead_letter_topic(topic), 1)
        [answer] = await bus.wait_for(SeedsProposed)

    assert answer.job_id == "job-1"
    assert dead.value == value
    assert [header for header in dead.headers if not header[0].startswith("dlq-")] == [tuple(h) for h in headers]
    assert dict(dead.headers)["dlq-class"] == b"malformed_event"


async def narrow_down(settings: ServiceSettings, topic: str, most_bytes: int) -> None:
    """Let the broker take no record of the topic beyond ``most_bytes``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        limit = {"max.message.bytes": str(most_bytes)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, limit)])
    finally:
        await admin.close()


async def test_one_too_large_even_for_the_dead_letter_topic_is_cut_and_says_so(settings: ServiceSettings) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    async with bus_of(settings) as bus:
        await narrow_down(settings, dead_letter_topic(topic), 500_000)
        async with running(a_service(settings)):
            await bus.send_raw(topic, LARGEST, ENVELOPE)
            [dead] = await records_of(settings, dead_letter_topic(topic), 1)

    told = f"{len(LARGEST)} bytes, sha256 {hashlib.sha256(LARGEST).hexdigest()}"
    assert dict(dead.headers)["dlq-truncated"] == told.encode()
    assert len(dead.value) < len(LARGEST)
    assert LARGEST.startswith(dead.value)


async def test_what_the_ledger_refuses_each_time_is_buried_and_not_taken_for_an_outage(
    settings: ServiceSettings,
) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    async with bus_of(settings) as bus, running(a_service(settings)):
        await asyncio.gather(*(bus.send(a_request(n, job)) for n, job in enumerate(("a", POISON, "b"))))
        answers = await bus.wait_for(SeedsProposed, count=2)
        [dead] = await records_of(settings, dead_letter_topic(topic), 1)

    assert sorted(one.job_id for one in answers) == ["a", "b"]
    assert b"duplicate key" in dict(dead.headers)["dlq-reason"]
    assert dict(dead.headers)["dlq-class"] == b"internal"
