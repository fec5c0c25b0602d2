"""The outbox on real Kafka: one relay at a time, the next when it goes silent, and each event told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from graftwork.contracts.events import JobCancellationRequested
from graftwork.kit.bus import new_producer
from graftwork.kit.clock import SystemClock
from graftwork.kit.ledger import LEASES
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import RELAY_LEASE
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.relay import Relay
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import settings_for

PATIENCE_SECONDS = 60.0


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path, lease_seconds=1.0)


@asynccontextmanager
async def a_ledger(settings: ServiceSettings) -> AsyncIterator[Ledger]:
    ledger = Ledger.connect(settings.mongo, service="teller", namespace=settings.namespace, clock=SystemClock())
    await ledger.prepare(retention_days=1)
    try:
        yield ledger
    finally:
        await ledger.close()


@asynccontextmanager
async def a_relay(settings: ServiceSettings) -> AsyncIterator["asyncio.Task[None]"]:
    """A relay with connections of its own, as in another process; killed at the end if it still runs."""
    producer = new_producer(settings, "teller")
    await producer.start()
    async with a_ledger(settings) as ledger:
        task = asyncio.ensure_future(Relay(ledger, producer, settings).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])
            await producer.stop()


async def tell(ledger: Ledger, *numbers: int) -> None:
    async def work(tx: Transaction) -> None:
        for number in numbers:
            tx.emit(JobCancellationRequested(job_id=f"j{number}"))

    await ledger.transaction(work)


async def owner(ledger: Ledger) -> str | None:
    lease = await ledger.read.find_one(LEASES, {"_id": RELAY_LEASE})
    assert lease is not None
    name: str | None = lease["owner"]
    return name


async def elected(ledger: Ledger, *, other_than: str | None = None) -> str:
    async def somebody() -> str:
        name = await owner(ledger)
        assert name not in {None, other_than}
        return str(name)

    return await assert_eventually(somebody, timeout_seconds=PATIENCE_SECONDS)


async def test_one_relay_publishes_and_another_takes_over_when_it_goes_silent(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, a_ledger(settings) as ledger, a_relay(settings) as first:
        leader = await elected(ledger)
        async with a_relay(settings) as second:
            for number in range(20):
                await tell(ledger, number)
            await bus.wait_for(JobCancellationRequested, count=20, timeout_seconds=PATIENCE_SECONDS)
            assert await owner(ledger) == leader

            first.cancel()
            await asyncio.wait([first])
            await tell(ledger, *range(20, 25))
            await bus.wait_for(JobCancellationRequested, count=25, timeout_seconds=PATIENCE_SECONDS)

            assert await elected(ledger) != leader
            assert not second.done()

    told = Counter(event.data.job_id for event in bus.heard)
    assert told == {f"j{number}": 1 for number in range(25)}


async def test_events_of_a_transaction_are_told_in_order_and_then_forgotten(settings: ServiceSettings) -> None:
    numbers = [3, 1, 2, 1, 3]
    async with bus_of(settings) as bus, a_ledger(settings) as ledger:
        await tell(ledger, *numbers)
        async with a_relay(settings):
            await bus.wait_for(JobCancellationRequested, count=3, timeout_seconds=PATIENCE_SECONDS)

            async def forgotten() -> None:
                assert await ledger.read.count(OUTBOX, {}) == 0

            await assert_eventually(forgotten, timeout_seconds=PATIENCE_SECONDS)

    assert [event.data.job_id for event in bus.heard] == ["j3", "j1", "j2"]


async def test_an_event_that_kafka_refuses_is_set_aside_and_holds_up_nothing(settings: ServiceSettings) -> None:
    huge = JobCancellationRequested(job_id="huge", reason="x" * (3 * 1024 * 1024))

    async def tell_huge(tx: Transaction) -> None:
        tx.emit(huge)

    async with bus_of(settings) as bus, a_ledger(settings) as ledger:
        await tell(ledger, 1)
        await ledger.transaction(tell_huge)
        await tell(ledger, 2)
        async with a_relay(settings):
            await bus.wait_for(JobCancellationRequested, count=2, timeout_seconds=PATIENCE_SECONDS)

            async def aside() -> None:
                assert await ledger.read.count(OUTBOX, {}) == 0

            await assert_eventually(aside, timeout_seconds=PATIENCE_SECONDS)
        [refused] = await ledger.read.find(OUTBOX_REFUSED, {})

    assert [event.data.job_id for event in bus.heard] == ["j1", "j2"]
    assert refused["reason"].startswith("MessageSizeTooLargeError")


async def test_a_relay_that_is_stopped_publishes_first_and_hands_its_lease_back(settings: ServiceSettings) -> None:
    patient = settings.model_copy(update={"lease_seconds": 3_600.0})
    async with bus_of(settings) as bus, a_ledger(settings) as ledger:
        producer = new_producer(settings, "teller")
        await producer.start()
        relay = Relay(ledger, producer, patient)
        running = asyncio.ensure_future(relay.run())
        leader = await elected(ledger)
        await tell(ledger, 1)
        relay.stop()
        await running
        await producer.stop()
        await bus.wait_for(JobCancellationRequested, timeout_seconds=PATIENCE_SECONDS)

        async with a_relay(patient):
            assert await elected(ledger, other_than=leader)
