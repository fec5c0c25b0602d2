"""Processes that die anywhere: nothing is lost, nothing is doubled, and little is paid for twice."""

from pathlib import Path
from typing import get_args

import pytest

from graftwork.contracts.events import SeedsProposed
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.crash_points import EXIT_STATUS
from graftwork.kit.crash_points import CrashPoint
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import ADMITTED
from tests.support.kit_worker import FINISHED
from tests.support.kit_worker import STEPS
from tests.support.kit_worker import a_request
from tests.support.kit_worker import counted_service
from tests.support.kit_worker import prompt_of
from tests.support.kit_worker import worker_process
from tests.support.offsets import committed_offset
from tests.support.paid_calls import paid_calls

REQUESTS = 3
PROMPTS = {prompt_of(f"job-1:r{number}", step) for number in range(REQUESTS) for step in STEPS}
ONCE_EACH = {f"job-1:r{number}": 1 for number in range(REQUESTS)}
PATIENCE_SECONDS = 120.0
LIVES: dict[str, tuple[CrashPoint, ...]] = {
    "admission": ("admission.polled", "admission.handled", "admission.admitted", "admission.committed"),
    "call": ("call.answered", "call.recorded"),
    "task": ("task.leased", "task.written", "task.done"),
    "relay": ("relay.read", "relay.sent", "relay.deleted"),
}
"""Places at which one service dies after another, each leaving work for the next."""
pytestmark = pytest.mark.timeout(400)  # processes start slowly on a busy machine


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(
        ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path, lease_seconds=2.0, session_seconds=6
    )


async def send_requests(bus: Bus) -> None:
    for number in range(REQUESTS):
        await bus.send(a_request(number))
    await bus.send(a_request(0))


async def assert_once_each(ledger: Ledger) -> None:
    """Each event changed state once, each change told one event, and nothing is left to do."""
    for collection in (ADMITTED, FINISHED):
        rows = await ledger.read.find(collection, {})
        assert {row["_id"]: row["times"] for row in rows} == ONCE_EACH
    assert await ledger.read.count(INBOX, {}) == REQUESTS
    assert await ledger.read.count(TASKS, {"state": "done"}) == REQUESTS
    assert await ledger.read.count(OUTBOX, {}) == 0


def test_every_place_has_its_turn() -> None:
    assert {place for places in LIVES.values() for place in places} == set(get_args(CrashPoint))


@pytest.mark.parametrize("part", LIVES)
async def test_a_service_that_dies_between_received_and_committed_ends_right(
    settings: ServiceSettings, part: str
) -> None:
    async with bus_of(settings) as bus, paid_calls() as paid:
        await send_requests(bus)
        for place in LIVES[part]:
            async with worker_process(settings, paid.url, crash_at=place) as process:
                assert await process.wait() == EXIT_STATUS
        async with running(counted_service(settings, paid.url)) as last:

            async def all_is_read_and_done() -> None:
                assert await committed_offset(settings, "worker", "seeds.requested") == REQUESTS + 1
                await assert_once_each(last.ledger)

            await assert_eventually(all_is_read_and_done, timeout_seconds=PATIENCE_SECONDS)
        await bus.wait_for(SeedsProposed, count=REQUESTS, timeout_seconds=PATIENCE_SECONDS)

    told = {event.id: event.data for event in bus.heard if isinstance(event.data, SeedsProposed)}
    assert sorted(answer.request_id for answer in told.values()) == sorted(ONCE_EACH)
    assert set(paid.bill) == PROMPTS
    # Each task makes one call at a time, so no death loses more calls than there are tasks.
    assert paid.bill.total() <= len(PROMPTS) + REQUESTS * len(LIVES[part])


async def test_a_killed_workers_task_is_taken_over_and_only_its_call_in_flight_is_paid_twice(
    settings: ServiceSettings,
) -> None:
    async with bus_of(settings) as bus, paid_calls() as paid:
        in_flight = prompt_of("job-1:r0", "two")
        paid.hold(in_flight)
        async with worker_process(settings, paid.url) as process:
            await bus.send(a_request(0))
            await paid.arrived(in_flight)
            process.kill()
            await process.wait()
        paid.release()
        service = counted_service(settings, paid.url)
        async with running(service):
            [answer] = await bus.wait_for(SeedsProposed, timeout_seconds=PATIENCE_SECONDS)
            [task] = await service.ledger.read.find(TASKS, {})

    assert paid.bill == {prompt_of("job-1:r0", "one"): 1, in_flight: 2}
    assert answer.used["generator"].calls == 2
    assert (task["state"], task["attempts"], task["fence"]) == ("done", 2, 2)


def a_reader(settings: ServiceSettings) -> Service:
    router = Router("reader")

    @router.on(SeedsProposed)
    async def read(event: Event[SeedsProposed], tx: Transaction) -> None:
        await tx.update(ADMITTED, {"_id": event.data.request_id}, {"$inc": {"times": 1}}, upsert=True)

    return Service(
        router=router, settings=settings, ledger=open_ledger(settings, "reader"), blobs=Blobs.open(settings.blobs)
    )


async def test_what_a_relay_published_twice_is_the_same_event_and_is_admitted_once(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, paid_calls() as paid, running(a_reader(settings)) as reader:
        async with worker_process(settings, paid.url, crash_at="relay.sent") as first:
            await bus.send(a_request(0))
            assert await first.wait() == EXIT_STATUS
        async with running(counted_service(settings, paid.url)):
            await bus.wait_for(SeedsProposed, count=2, timeout_seconds=PATIENCE_SECONDS)

        async def both_are_read() -> None:
            assert await committed_offset(settings, "reader", "seeds.proposed") == 2

        await assert_eventually(both_are_read, timeout_seconds=PATIENCE_SECONDS)
        rows = await reader.ledger.read.find(ADMITTED, {})

    first_told, told_again = (event for event in bus.heard if isinstance(event.data, SeedsProposed))
    assert first_told == told_again
    assert rows == [{"_id": "job-1:r0", "times": 1}]
