"""What Kafka lets a service do in production, by the rules that the manifests give it, is enough for it and no more."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateAclsRequest
from deployment import NAMESPACE
from deployment import user

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkFailed
from graftwork.kit.bus import admin_of
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import topic_of
from graftwork.kit.bus import topics_of
from graftwork.kit.connecting import kafka_arguments
from graftwork.kit.settings import ServiceSettings
from publishing.flow import Flow
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import a_request
from tests.support.kit_worker import counted_service
from tests.support.paid_calls import paid_calls
from tests.support.secured import NOBODY
from tests.support.secured import SecuredServer

WORKER = Flow(
    hears={"worker": frozenset({SeedsRequested.event_name})},
    says={"worker": frozenset({SeedsProposed.event_name, WorkFailed.event_name})},
)
RESOURCES = {"topic": 2, "group": 3}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
ALLOW = 3


async def allow(settings: ServiceSettings, rules: Sequence[Mapping[str, Any]]) -> None:
    """As Strimzi's operator does for a ``KafkaUser``."""
    async with admin_of(settings, "tests") as admin:
        for rule in rules:
            resource = rule["resource"]
            kind, pattern = RESOURCES[resource["type"]], PATTERNS[resource.get("patternType", "literal")]
            name = resource["name"].replace(NAMESPACE, settings.namespace, 1)
            for operation in rule["operations"]:
                who = (f"User:{NOBODY}", "*", OPERATIONS[operation], ALLOW)
                answer = await admin._send_to_controller(CreateAclsRequest(kind, name, pattern, *who))
                assert [code for code, _ in answer.creation_responses] == [0]


async def sees_everything(settings: ServiceSettings) -> None:
    """All topics are shown to it."""
    async with admin_of(settings, "tests") as admin:
        assert set(topics_of(settings.namespace, EventData.registry)) <= set(await admin.list_topics())


@pytest.fixture
async def anybody(secured_kafka: SecuredServer, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    """Settings of somebody who may do anything; all topics are there."""
    told = {**secured_kafka.kafka_settings(), "mongo": mongo_address}
    settings = settings_for(ServiceSettings, home=tmp_path, **told)
    await ensure_topics(settings)
    return settings


@pytest.fixture
async def worker(anybody: ServiceSettings) -> ServiceSettings:
    """Settings of a service that may do what the manifests allow it."""
    worker = anybody.model_copy(update={"kafka_user": NOBODY})
    sight, *others = user("worker", WORKER)["spec"]["authorization"]["acls"]
    # The broker takes them in one after the other, so who sees everything has all the others as well.
    await allow(anybody, [*others, sight])
    await assert_eventually(lambda: sees_everything(worker))
    return worker


async def test_a_service_can_work_with_its_rights(anybody: ServiceSettings, worker: ServiceSettings) -> None:
    async with paid_calls() as paid, bus_of(anybody) as bus, running(counted_service(worker, paid.url)) as service:
        await bus.send(a_request(1))
        [answer] = await bus.wait_for(SeedsProposed)
        problems = await service.readiness.problems()

    assert answer.request_id == "job-1:r1"
    assert problems == {}


async def test_it_can_do_no_more(worker: ServiceSettings) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await say(worker, JobSubmitted.event_name)
    with pytest.raises(TopicAuthorizationFailedError):
        await hear(worker, JobSubmitted.event_name, "worker")
    with pytest.raises(GroupAuthorizationFailedError):
        await hear(worker, SeedsRequested.event_name, "search")


async def say(settings: ServiceSettings, event: str) -> None:
    """Send what is no event."""
    producer = new_producer(settings, "tests")
    try:
        await producer.start()
        await producer.send_and_wait(topic_of(settings.namespace, event), b"{}")
    finally:
        await producer.stop()


async def hear(settings: ServiceSettings, event: str, group: str) -> None:
    """Wait for a record in the place of a service."""
    topic, group_id = topic_of(settings.namespace, event), f"{settings.namespace}.{group}"
    consumer = AIOKafkaConsumer(topic, group_id=group_id, **kafka_arguments(settings))
    try:
        await consumer.start()
        await consumer.getone()
    finally:
        await consumer.stop()
