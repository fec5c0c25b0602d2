"""A service on its way up: what it says meanwhile, and what keeps it from starting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import ASCENDING
from pymongo import IndexModel

from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import IndexConflict
from graftwork.kit.errors import LedgerNewer
from graftwork.kit.job_life import stop_jobs
from graftwork.kit.ledger import Ledger
from graftwork.kit.migrations import SCHEMA
from graftwork.kit.migrations import Migration
from graftwork.kit.migrations import Migrator
from graftwork.kit.migrations import Plan
from graftwork.kit.migrations import Rewriter
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.service import run
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import settings_for

ROWS = "rows"
PREPARING = {"service": "preparing"}


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


@pytest.fixture
async def ledger(settings: ServiceSettings) -> AsyncIterator[Ledger]:
    """The service's ledger, as an old release has left it."""
    ledger = open_ledger(settings, "work")
    await ledger.prepare(retention_days=1)
    yield ledger
    await ledger.client.drop_database(ledger.database.name)
    await ledger.close()


def service(settings: ServiceSettings, *migrations: Migration, indexes: tuple[IndexModel, ...] = ()) -> Service:
    router = Router("work")
    stop_jobs(router)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "work"),
        blobs=Blobs.open(settings.blobs),
        indexes={ROWS: indexes} if indexes else {},
        migrations=migrations,
    )


async def test_a_service_is_not_ready_while_it_migrates_and_can_be_stopped_then(
    settings: ServiceSettings, ledger: Ledger
) -> None:
    under_way, stop = asyncio.Event(), asyncio.Event()

    async def endless(_rows: Rewriter) -> None:
        under_way.set()
        await asyncio.Event().wait()

    migrating = service(settings, Migration(1, "endless", endless))
    async with asyncio.TaskGroup() as group:
        group.create_task(run(migrating, stop))
        await under_way.wait()
        problems = await migrating.readiness.problems()
        stop.set()

    schema = await ledger.read.find_one(SCHEMA, {})
    assert problems == PREPARING
    assert schema is not None
    assert (schema["versions"]["work"], "lease" in schema) == (0, False)


async def test_a_service_is_ready_once_it_has_migrated(settings: ServiceSettings, ledger: Ledger) -> None:
    await ledger.insert_unordered(ROWS, [{"_id": 1}])
    stop = asyncio.Event()

    async def mark(rows: Rewriter) -> None:
        await rows.update_many(ROWS, {}, {"$set": {"marked": True}})

    migrating = service(settings, Migration(1, "marks", mark))
    async with asyncio.TaskGroup() as group:
        group.create_task(run(migrating, stop))

        async def prepared() -> None:
            assert await ledger.read.find(ROWS, {}) == [{"_id": 1, "marked": True}]
            assert await migrating.readiness.problems() != PREPARING

        await assert_eventually(prepared, timeout_seconds=60)
        stop.set()


async def test_a_service_too_old_for_its_ledger_does_not_start(settings: ServiceSettings, ledger: Ledger) -> None:
    await Migrator(ledger, Plan.of("work"), lease_seconds=5, poll_seconds=0.02).run()
    await ledger.database[SCHEMA].update_one({}, {"$set": {"versions.work": 7, "needs.work": 7}})

    with pytest.raises(LedgerNewer, match=r"work 7 \(known: 0\)"):
        await run(service(settings), asyncio.Event())


async def test_an_index_that_is_in_the_way_is_named(settings: ServiceSettings, ledger: Ledger) -> None:
    await ledger.database[ROWS].create_index("name", name="by_name")
    wanted = IndexModel([("other", ASCENDING)], name="by_name")

    new = IndexModel([("at", ASCENDING)], expireAfterSeconds=60)

    with pytest.raises(IndexConflict, match=rf"collection {ledger.database.name}\.rows has an index .*by_name"):
        await run(service(settings, indexes=(wanted, new)), asyncio.Event())
