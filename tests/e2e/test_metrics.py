"""A platform in trouble: every metric that is declared moves, and every line of the logs says what it is about."""

import asyncio
import json
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from prometheus_client.parser import text_string_to_metric_families

from graftwork.client import AsyncGraftwork
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.kit.bus import encode
from graftwork.kit.bus import event_id
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import LEASES
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import RELAY_LEASE
from graftwork.kit.ledger import TASKS
from graftwork.local.services import ROLES
from graftwork.local.services import SERVICES
from tests.support.command import Up
from tests.support.declared_metrics import MODULES
from tests.support.declared_metrics import Declared
from tests.support.declared_metrics import declared_in
from tests.support.eventually import assert_eventually
from tests.support.in_process import TRACEPARENT
from tests.support.platforms import watched
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Planned
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

MODEL_KEY = "sk-not-a-real-key-but-it-looks-like-one"
SPEC = JobSpec.model_validate(
    {
        "task": "Short explanations of fractions for children, each with one example.",
        "count": 6,
        "search": {"iterations": 4, "evaluation_samples": 4},
    }
)
SLOW = Script(seed=7, behaviour=Behaviour(latency_ms=400, rates={Fault.COPIED: 0.5}))
PRICE = {"prompt_usd_per_mtok": 1.0, "completion_usd_per_mtok": 4.0}
POOL = {"model": "scripted", "prices": {"scripted": PRICE}}
ELSEWHERE = {
    "graftwork_gateway_streams_dropped_total": "it takes megabytes that nobody reads: gateway/test_impatience",
    "graftwork_solver_canaries_total": "pods of a laptop's platform send none: solvers/test_canary",
    "graftwork_solver_engine_state": "the pod has no engine of its own: solvers/test_engine",
    "graftwork_solver_engine_restarts_total": "as above: solvers/test_engine",
    "graftwork_solver_waiting": "for moments, and whether a look falls into one is chance: solvers/test_pod",
    "graftwork_heartbeats_failed_total": "MongoDB has to be away, and much else with it: kit/test_heartbeats",
}
"""What this platform cannot be brought to, why, and which of tests/integration sees it move."""


@dataclass
class Trouble:
    """A running platform, and ways to make its life hard."""

    up: Up
    namespace: str
    kafka: str
    mongo: Any
    model: ScriptedModel

    def database(self, service: str) -> Any:
        return self.mongo.get_database(f"{self.namespace}_{service}")

    def topic(self, event: str) -> str:
        return topic_of(self.namespace, event)

    async def events_that_came_twice_and_junk(self) -> None:
        topic = self.topic(JobSubmitted.event_name)
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await asyncio.gather(consumer.start(), producer.start())
        try:
            record = await consumer.getone()
            await producer.send_and_wait(topic, record.value, record.key, headers=list(record.headers))
            await producer.send_and_wait(self.topic(SamplesRequested.event_name), b"junk")
        finally:
            await asyncio.gather(consumer.stop(), producer.stop())

    async def a_task_that_nobody_does(self) -> None:
        due = datetime.now(UTC) - timedelta(minutes=20)
        row = {"_id": "forgotten", "kind": "unheard_of", "state": "ready", "due": due, "rank": 0, "payload": {}}
        await self.database("evaluator")[TASKS].insert_one(row)

    async def an_outbox_that_stands(self) -> None:
        """As if its relay hung, with the lease in hand; and what it holds up is more than Kafka takes."""
        database = self.database("evaluator")
        held = {"$set": {"owner": "nobody", "until": datetime.now(UTC) + timedelta(hours=1)}}
        await database[LEASES].update_one({"_id": RELAY_LEASE}, held)
        row = {
            "_id": "too large",
            "order": ObjectId(),
            "event": SamplesRequested.event_name,
            "topic": self.topic(SamplesRequested.event_name),
            "key": b"job",
            "value": bytes(3_000_000),
            "headers": {},
            "at": datetime.now(UTC) - timedelta(minutes=5),
        }
        await database[OUTBOX].insert_one(row)

    async def the_relay_comes_back(self) -> None:
        free = {"$set": {"until": datetime.now(UTC) - timedelta(hours=1)}}
        await self.database("evaluator")[LEASES].update_one({"_id": RELAY_LEASE}, free)

    @asynccontextmanager
    async def an_event_that_cannot_be_admitted(self) -> AsyncIterator[None]:
        """As if somebody else's transaction, which is about the same event, came to no end."""
        told = SamplesAccepted(
            job_id="nobody's", request_id="nobody's:r", round=1, accepted=0, surplus=0, total_accepted=0, short=0
        )
        source = "/tests"
        record = encode(told, namespace=self.namespace, source=source, time=datetime.now(UTC), traceparent=TRACEPARENT)
        async with await self.mongo.start_session() as session, session.start_transaction():
            row = {"_id": derived_id(source, event_id(told)), "at": datetime.now(UTC)}
            await self.database("search")[INBOX].insert_one(row, session=session)
            async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
                await producer.send_and_wait(
                    record.topic, record.value, record.key, headers=list(record.headers.items())
                )
            yield
            await session.abort_transaction()

    async def a_lease_that_runs_out(self) -> None:
        over = {"$set": {"due": datetime.now(UTC) - timedelta(seconds=1)}}
        for service in ("runner", "evaluator", "optimizer"):
            await self.database(service)[TASKS].update_one({"state": "running"}, over)


class Scraped:
    """The most that each sample has ever said, by any process."""

    def __init__(self, ports: dict[str, int]) -> None:
        self._ports = ports
        self._most: dict[str, float] = defaultdict(float)
        self.declared = [one for module in MODULES for one in declared_in(module)]

    async def look(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            for port in self._ports.values():
                text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        self._most[sample.name] = max(self._most[sample.name], sample.value)

    def has_moved(self, name: str) -> bool:
        return self._most[name] > 0

    def unmoved(self) -> list[str]:
        return [one.name for one in self.declared if not self.has_moved(one.sample) and one.name not in ELSEWHERE]


@asynccontextmanager
async def troubled(home: Path, kafka: str, mongo: str) -> AsyncIterator[Trouble]:
    namespace = f"m{secrets.token_hex(4)}"
    async with ScriptedModel.started(SLOW) as model:
        given = {
            "GRAFTWORK_KAFKA": kafka,
            "GRAFTWORK_MONGO": mongo,
            "GRAFTWORK_NAMESPACE": namespace,
            "GRAFTWORK_LEASE_SECONDS": "3",
            "GRAFTWORK_WATCH_SECONDS": "0.5",
            "GRAFTWORK_LOG_LEVEL": "debug",
            "GRAFTWORK_SOLVERS_CONCURRENCY": "2",
            "GRAFTWORK_SOLVERS_POOLS": json.dumps(dict.fromkeys(ROLES, POOL)),
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_KEY": MODEL_KEY,
        }
        client: Any = AsyncIOMotorClient(mongo)
        async with Up.started(home, **given) as up:
            yield Trouble(up, namespace, kafka, client, model)
        client.close()


async def seen(scraped: Scraped, *names: str) -> None:
    async def all_of_them() -> None:
        await scraped.look()
        assert [name for name in names if not scraped.has_moved(name)] == []

    await assert_eventually(all_of_them, timeout_seconds=120)


async def test_every_metric_moves_and_every_line_says_what_it_is_about(
    tmp_path: Path, kafka_address: str, mongo_address: str
) -> None:
    async with troubled(tmp_path, kafka_address, mongo_address) as trouble:
        ports = dict(zip(SERVICES, json.loads((tmp_path / "services" / "ports.json").read_text()), strict=False))
        scraped = Scraped(ports)
        async with AsyncGraftwork(trouble.up.url, trouble.up.key) as client, asyncio.TaskGroup() as group:
            job = await client.submit(SPEC)
            watching = group.create_task(watched(client, job.id))
            await trouble.events_that_came_twice_and_junk()
            await trouble.a_task_that_nobody_does()
            await trouble.an_outbox_that_stands()
            await seen(scraped, "graftwork_outbox_age_seconds", "graftwork_outbox_rows", "graftwork_tasks_running")
            await trouble.the_relay_comes_back()
            async with trouble.an_event_that_cannot_be_admitted():
                await seen(scraped, "graftwork_admission_lag_seconds", "graftwork_admission_lag_records")
            await trouble.model.fail_next(Planned(fault=Fault.OVERLOADED, count=2))

            async def work_was_lost_and_done_again() -> None:
                await trouble.a_lease_that_runs_out()
                await scraped.look()
                assert scraped.has_moved("graftwork_leases_lost_total")
                assert scraped.has_moved("graftwork_model_calls_replayed_total")

            await assert_eventually(work_was_lost_and_done_again, timeout_seconds=120)
            await trouble.model.replace(Script(seed=7, behaviour=SLOW.behaviour.model_copy(update={"latency_ms": 0})))
            end = (await watching)[-1].snapshot
            await seen(scraped, "graftwork_samples_accepted_total")

    assert end.state is JobState.SUCCEEDED
    assert scraped.unmoved() == []
    assert_lines_say_what_they_are_about(tmp_path, job.id, trouble)


def assert_lines_say_what_they_are_about(home: Path, job_id: str, trouble: Trouble) -> None:
    text = {name: (home / "logs" / f"{name}.log").read_text() for name in SERVICES}
    lines = [json.loads(line) for every in text.values() for line in every.splitlines()]
    named = {"job_id", "task_id", "request_id", "kind", "attempt"}
    of_tasks = [line for line in lines if line["logger"] == "graftwork.task"]
    of_handlers = [line for line in lines if line["event"] == "event.admitted" and line["job_id"] == job_id]

    assert [line for line in lines if not {"event", "level", "logger", "service", "timestamp"} <= line.keys()] == []
    assert {line["service"] for line in lines} == set(SERVICES)
    assert len(of_tasks) > 10
    assert [line for line in of_tasks if not named <= line.keys()] == []
    assert {line["kind"] for line in of_tasks if "node_id" in line} >= {"generate_samples"}
    assert len(of_handlers) > 10
    assert [line for line in of_handlers if not {"event_id", "kind"} <= line.keys()] == []
    assert [line for line in of_handlers if line["kind"] == "samples.requested" and "request_id" not in line] == []
    for secret in (MODEL_KEY, trouble.up.key):
        assert [name for name, every in text.items() if secret in every] == []


@pytest.mark.parametrize("metric", [one for module in MODULES for one in declared_in(module) if one.name in ELSEWHERE])
def test_what_moves_elsewhere_is_seen_there(metric: Declared) -> None:
    where = Path(__file__).parents[1] / "integration" / f"{ELSEWHERE[metric.name].rpartition(': ')[2]}.py"

    assert metric.name in where.read_text()
