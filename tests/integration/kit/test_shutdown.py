"""The life of a service seen from outside: ready, draining, gone, with nothing left half done."""

import asyncio
import re
import socket
from pathlib import Path

import httpx
import pytest

from graftwork.contracts.events import SeedsProposed
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import PortTaken
from graftwork.kit.http import HttpServer
from graftwork.kit.http import Readiness
from graftwork.kit.http import health_app
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import LEASES
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.service import open_ledger
from graftwork.kit.service import run
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import a_request
from tests.support.kit_worker import counted_service
from tests.support.kit_worker import prompt_of
from tests.support.offsets import committed_offset
from tests.support.paid_calls import paid_calls

PATIENCE_SECONDS = 60.0
METRICS = {
    "graftwork_events_admitted_total",
    "graftwork_events_duplicate_total",
    "graftwork_events_dead_lettered_total",
    "graftwork_events_published_total",
    "graftwork_admission_seconds",
    "graftwork_admission_lag_seconds",
    "graftwork_outbox_age_seconds",
    "graftwork_tasks_finished_total",
    "graftwork_task_seconds",
    "graftwork_tasks_running",
    "graftwork_ready_task_age_seconds",
    "graftwork_leases_expired_total",
    "graftwork_leases_lost_total",
    "graftwork_model_calls_total",
    "graftwork_model_calls_replayed_total",
    "graftwork_model_tokens_total",
    "graftwork_model_cost_usd_total",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    made = settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)
    return made.model_copy(update={"http_port": free_port(), "drain_seconds": PATIENCE_SECONDS})


async def test_work_under_way_is_finished_told_and_committed_before_the_service_is_gone(
    settings: ServiceSettings,
) -> None:
    held = prompt_of("job-1:r0", "one")
    stop, started = asyncio.Event(), asyncio.Event()
    url = f"http://127.0.0.1:{settings.http_port}"
    async with bus_of(settings) as bus, paid_calls() as paid, httpx.AsyncClient(base_url=url) as client:
        paid.hold(held)
        service = counted_service(settings, paid.url)
        life = asyncio.ensure_future(run(service, stop, started))
        await started.wait()
        await bus.send(a_request(0))
        await paid.arrived(held)
        before = await client.get("/readyz")

        stop.set()

        async def draining() -> None:
            assert (await client.get("/readyz")).status_code == 503

        await assert_eventually(draining, timeout_seconds=PATIENCE_SECONDS)
        problems = (await client.get("/readyz")).json()["problems"]
        alive = await client.get("/healthz")
        await bus.send(a_request(1))  # too late for this process
        assert bus.all(SeedsProposed) == []
        assert not life.done()

        paid.release()
        await asyncio.wait_for(life, PATIENCE_SECONDS)
        [answer] = await bus.wait_for(SeedsProposed, timeout_seconds=PATIENCE_SECONDS)
        committed = await committed_offset(settings, "worker", "seeds.requested")  # it goes with the topic

    assert (before.status_code, before.json()["problems"]) == (200, {})
    assert problems == {"service": "draining"}
    assert alive.status_code == 200
    assert answer.request_id == "job-1:r0"
    assert committed == 1
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient(base_url=url) as client:
            await client.get("/healthz")
    ledger = open_ledger(settings, "worker")
    try:
        [inbox] = await ledger.read.find(INBOX, {})
        [task] = await ledger.read.find(TASKS, {})
        assert (inbox["from"]["offset"], task["state"]) == (0, "done")
        assert await ledger.read.count(OUTBOX, {}) == 0
        assert await ledger.read.count(LEASES, {"$expr": {"$gt": ["$until", "$$NOW"]}}) == 0
    finally:
        await ledger.close()


async def test_the_next_process_goes_on_where_the_last_one_ended(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, paid_calls() as paid:
        for number in range(2):
            async with running(counted_service(settings, paid.url)):
                await bus.send(a_request(number))
                await bus.wait_for(SeedsProposed, count=number + 1, timeout_seconds=PATIENCE_SECONDS)
        committed = await committed_offset(settings, "worker", "seeds.requested")  # it goes with the topic

    assert committed == 2
    assert max(paid.bill.values()) == 1


async def test_the_metrics_have_the_names_that_dashboards_know(settings: ServiceSettings) -> None:
    async with paid_calls() as paid, running(counted_service(settings, paid.url)), httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{settings.http_port}/metrics")).text

    told = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    assert told >= METRICS


async def test_a_service_whose_port_is_taken_says_so_and_touches_nothing(settings: ServiceSettings) -> None:
    with HttpServer(health_app(Readiness()), "127.0.0.1", settings.http_port):
        service = counted_service(settings, "http://127.0.0.1:9/")
        with pytest.raises(PortTaken, match=f"port {settings.http_port}"):
            await run(service, asyncio.Event())

    ledger = open_ledger(settings, "worker")
    try:
        assert await ledger.database.list_collection_names() == []
    finally:
        await ledger.close()


async def test_a_service_that_finds_no_kafka_fails_and_leaves_nothing_open(settings: ServiceSettings) -> None:
    lost = settings.model_copy(update={"kafka": f"127.0.0.1:{free_port()}"})

    with pytest.raises(DependencyDown, match=f"Kafka at {lost.kafka} cannot be reached: check GRAFTWORK_KAFKA "):
        await run(counted_service(lost, "http://127.0.0.1:9/"), asyncio.Event())

    HttpServer(health_app(Readiness()), "127.0.0.1", settings.http_port).__exit__()
