"""Schema versions on a real MongoDB: one process migrates, the others wait, and nobody goes back."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from graftwork import __version__
from graftwork.kit.clock import SystemClock
from graftwork.kit.errors import LeaseLost
from graftwork.kit.errors import LedgerNewer
from graftwork.kit.errors import MigrationFailed
from graftwork.kit.errors import MigrationUnderWay
from graftwork.kit.ledger import STOPS
from graftwork.kit.ledger import Ledger
from graftwork.kit.migrations import KIT_MIGRATIONS
from graftwork.kit.migrations import SCHEMA
from graftwork.kit.migrations import Migration
from graftwork.kit.migrations import Migrator
from graftwork.kit.migrations import Plan
from graftwork.kit.migrations import Rewriter
from graftwork.kit.migrations import read_schema
from tests.support.eventually import assert_eventually

ROWS = "rows"
KIT = len(KIT_MIGRATIONS)
Run = Callable[[Rewriter], Awaitable[None]]


@pytest.fixture
async def ledger(mongo_address: str) -> AsyncIterator[Ledger]:
    ledger = Ledger.connect(mongo_address, service="work", namespace=f"t{secrets.token_hex(4)}", clock=SystemClock())
    yield ledger
    await ledger.client.drop_database(ledger.database.name)
    await ledger.close()


async def old_ledger(ledger: Ledger, rows: Sequence[dict[str, Any]] = ()) -> None:
    """A ledger from before there were versions."""
    await ledger.prepare(retention_days=1)
    await ledger.insert_unordered(ROWS, list(rows) or [{"_id": 1, "name": "a"}])


def adding(number: int, field: str) -> Migration:
    async def run(rows: Rewriter) -> None:
        await rows.update_many(ROWS, {field: {"$exists": False}}, {"$set": {field: number}})

    return Migration(number, f"rows have {field}", run)


def removing(number: int, field: str) -> Migration:
    async def run(rows: Rewriter) -> None:
        await rows.update_many(ROWS, {}, {"$unset": {field: True}})

    return Migration(number, f"rows have no {field}", run, contracts=True)


def migrator(ledger: Ledger, *own: Migration, lease_seconds: float = 5, **more: float) -> Migrator:
    plan = Plan.of("work", own)
    return Migrator(ledger, plan, **{"lease_seconds": lease_seconds, "poll_seconds": 0.02, **more})


async def versions(ledger: Ledger) -> dict[str, int]:
    schema = await read_schema(ledger.read)
    assert schema is not None
    found: dict[str, int] = schema["versions"]
    return found


async def test_a_ledger_of_before_versions_is_brought_to_the_newest_step_by_step(ledger: Ledger) -> None:
    await old_ledger(ledger)

    done = await migrator(ledger, adding(1, "x"), adding(2, "y")).run()

    schema = await read_schema(ledger.read)
    assert schema is not None
    own = [(one["number"], one["name"], one["release"]) for one in schema["applied"] if one["part"] == "work"]
    assert [str(step) for step in done][KIT:] == ["work 1 (rows have x)", "work 2 (rows have y)"]
    assert own == [(1, "rows have x", __version__), (2, "rows have y", __version__)]
    assert schema["versions"] == {"kit": KIT, "work": 2}
    assert "lease" not in schema
    assert await ledger.read.find(ROWS, {}) == [{"_id": 1, "name": "a", "x": 1, "y": 2}]


async def test_a_new_ledger_is_born_at_the_newest_version(ledger: Ledger) -> None:
    assert await migrator(ledger, adding(1, "x")).run() == []

    assert await versions(ledger) == {"kit": KIT, "work": 1}


async def test_what_was_done_is_not_done_again(ledger: Ledger) -> None:
    await old_ledger(ledger)
    await migrator(ledger, adding(1, "x")).run()
    await ledger.insert_unordered(ROWS, [{"_id": 2}])

    assert [str(step) for step in await migrator(ledger, adding(1, "x"), adding(2, "y")).run()] == [
        "work 2 (rows have y)"
    ]
    assert await ledger.read.find(ROWS, {"_id": 2}) == [{"_id": 2, "y": 2}]


async def test_of_many_processes_one_migrates_and_the_others_wait_for_it(ledger: Ledger) -> None:
    await old_ledger(ledger)
    under_way, go_on = asyncio.Event(), asyncio.Event()
    runs = 0

    async def slow(_rows: Rewriter) -> None:
        nonlocal runs
        runs += 1
        under_way.set()
        await go_on.wait()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(migrator(ledger, Migration(1, "slow", slow)).run())
        await under_way.wait()
        others = [group.create_task(migrator(ledger, Migration(1, "slow", slow)).run()) for _ in range(3)]
        go_on.set()

    assert (len(first.result()), [other.result() for other in others], runs) == (KIT + 1, [[], [], []], 1)


async def test_waiting_ends_with_the_name_of_who_is_waited_for(ledger: Ledger) -> None:
    await old_ledger(ledger)
    under_way = asyncio.Event()

    async def endless(_rows: Rewriter) -> None:
        under_way.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        holder = group.create_task(migrator(ledger, Migration(1, "endless", endless)).run())
        await under_way.wait()
        with pytest.raises(MigrationUnderWay, match=r"work 1 \(endless\)\), and \S+:\d+:\w+ has been at it for 0.1 s"):
            await migrator(ledger, Migration(1, "endless", endless), wait_seconds=0.1).run()
        holder.cancel()


async def test_a_migration_that_died_with_its_process_is_gone_on_with_by_the_next(ledger: Ledger) -> None:
    await old_ledger(ledger, [{"_id": number} for number in range(4)])
    died = asyncio.Event()

    async def half(rows: Rewriter) -> None:
        await rows.update_many(ROWS, {"_id": {"$lt": 2}}, {"$set": {"x": "half"}})
        died.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(migrator(ledger, Migration(1, "halves", half)).run())
        await died.wait()
        first.cancel()
    await migrator(ledger, adding(1, "x")).run()

    assert [row["x"] for row in await ledger.read.find(ROWS, {}, sort=[("_id", 1)])] == ["half", "half", 1, 1]


async def test_the_lease_of_a_process_that_was_killed_is_taken_over_once_it_is_over(ledger: Ledger) -> None:
    await old_ledger(ledger)
    await migrator(ledger).run()
    gone = {"owner": "killed:1:ab", "until": datetime(2026, 1, 1, tzinfo=UTC)}
    await ledger.database[SCHEMA].update_one({}, {"$set": {"lease": gone}})

    assert [str(step) for step in await migrator(ledger, adding(1, "x")).run()] == ["work 1 (rows have x)"]


async def test_a_process_that_was_taken_over_says_so_and_records_nothing(ledger: Ledger) -> None:
    await old_ledger(ledger)
    await migrator(ledger).run()

    async def overtaken(_rows: Rewriter) -> None:
        await ledger.database[SCHEMA].update_one({}, {"$set": {"lease.owner": "another"}})

    with pytest.raises(LeaseLost, match="another process migrates the ledger of work now"):
        await migrator(ledger, Migration(1, "overtaken", overtaken)).run()
    schema = await read_schema(ledger.read)
    assert schema is not None
    assert (schema["versions"]["work"], schema["lease"]["owner"]) == (0, "another")


async def test_the_lease_is_kept_for_as_long_as_a_migration_takes(ledger: Ledger) -> None:
    await old_ledger(ledger)
    await migrator(ledger).run()
    seen: list[datetime] = []

    async def long(rows: Rewriter) -> None:
        async def extended() -> None:
            row = await rows.find_one(SCHEMA, {})
            assert row is not None
            seen.append(row["lease"]["until"])
            assert len(set(seen)) == 3

        await assert_eventually(extended)

    await migrator(ledger, Migration(1, "long", long), lease_seconds=0.3).run()

    assert (await versions(ledger))["work"] == 1


async def test_a_migration_that_fails_is_named_and_leaves_the_version_and_the_lease(ledger: Ledger) -> None:
    await old_ledger(ledger)

    async def broken(_rows: Rewriter) -> None:
        raise ZeroDivisionError("no rows")

    broken_one = migrator(ledger, adding(1, "x"), Migration(2, "broken", broken))
    with pytest.raises(MigrationFailed, match=r"work 2 \(broken\) of the ledger of work failed .*: no rows"):
        await broken_one.run()
    schema = await read_schema(ledger.read)
    assert schema is not None
    assert (schema["versions"]["work"], "lease" in schema) == (1, False)


@pytest.mark.parametrize("ledger_is", ["new", "old"])
async def test_an_update_that_only_expanded_can_be_taken_back(ledger: Ledger, ledger_is: str) -> None:
    if ledger_is == "old":
        await old_ledger(ledger)
    await migrator(ledger, removing(1, "name"), adding(2, "y")).run()

    assert await migrator(ledger, removing(1, "name")).run() == []
    assert await versions(ledger) == {"kit": KIT, "work": 2}
    assert await migrator(ledger, removing(1, "name"), adding(2, "y")).run() == []


@pytest.mark.parametrize("ledger_is", ["new", "old"])
async def test_a_process_from_before_something_was_taken_away_refuses_to_start(ledger: Ledger, ledger_is: str) -> None:
    if ledger_is == "old":
        await old_ledger(ledger)
    await migrator(ledger, adding(1, "x"), removing(2, "name"), adding(3, "y")).run()

    with pytest.raises(LedgerNewer, match=rf"that {__version__} is too old for: work 2 \(known: 1\)"):
        await migrator(ledger, adding(1, "x")).run()
    assert await migrator(ledger, adding(1, "x"), removing(2, "name")).run() == []


async def test_an_index_that_is_no_longer_wanted_can_be_dropped_again_and_again(ledger: Ledger) -> None:
    await ledger.database[ROWS].create_index("name", name="by_name")
    rows = Rewriter(ledger.database)

    await rows.drop_index(ROWS, "by_name")
    await rows.drop_index(ROWS, "by_name")

    assert list(await ledger.database[ROWS].index_information()) == ["_id_"]


async def test_stops_of_before_jobs_could_go_on_name_their_only_run(ledger: Ledger) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    later = {"_id": "job-2", "at": at, "run": 3, "stopped": False}
    await ledger.prepare(retention_days=1)
    await ledger.insert_unordered(STOPS, [{"_id": "job-1", "at": at}, later])

    await migrator(ledger).run()

    assert await ledger.read.find(STOPS, {}, sort=[("_id", 1)]) == [
        {"_id": "job-1", "at": at, "run": 0, "stopped": True},
        later,
    ]


@pytest.mark.parametrize("numbers", [(2,), (1, 3), (1, 1), (2, 1)])
def test_migrations_count_from_one(numbers: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="migrations of work are numbered"):
        Plan.of("work", [adding(number, "x") for number in numbers])
