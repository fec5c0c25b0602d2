"""The journal on a real MongoDB: batched, durable before the answer is used, replayed in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from datetime import datetime

import pytest
from pymongo.errors import AutoReconnect
from typing_extensions import override

from graftwork.contracts.usage import Usage
from graftwork.kit.clock import SystemClock
from graftwork.kit.journal import JournalWriter
from graftwork.kit.journal import RequestJournal
from graftwork.kit.ledger import JOURNAL
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ONE = Usage(calls=1, prompt_tokens=2, completion_tokens=3)


class WatchedLedger(Ledger):
    """Counts the batches it writes, and loses the connection when told to."""

    batches: list[int]
    away = False

    @override
    async def insert_unordered(self, collection: str, rows: list[Document]) -> None:
        if collection == JOURNAL:
            self.batches.append(len(rows))
            if self.away:
                raise AutoReconnect("connection closed")
        await super().insert_unordered(collection, rows)


@pytest.fixture
async def ledger(mongo_address: str) -> AsyncIterator[WatchedLedger]:
    name = f"t{datetime.now(UTC).timestamp():.0f}_{id(object()):x}"
    opened = WatchedLedger.connect(mongo_address, service="worker", namespace=name, clock=SystemClock())
    assert isinstance(opened, WatchedLedger)
    opened.batches = []
    await opened.prepare(retention_days=1)
    yield opened
    await opened.client.drop_database(opened.database.name)
    await opened.close()


@asynccontextmanager
async def a_writer(ledger: Ledger) -> AsyncIterator[JournalWriter]:
    writer = JournalWriter(ledger)
    async with asyncio.TaskGroup() as group:
        group.create_task(writer.run())
        try:
            yield writer
        finally:
            writer.stop()


async def journal_of(
    ledger: Ledger, writer: JournalWriter, *, task: str = "t1", request: str = "r1", generation: int = 0
) -> RequestJournal:
    return await RequestJournal.load(
        ledger.read, writer, task_id=task, request_id=request, job_id="j", generation=generation
    )


async def record(journal: RequestJournal, key: str, text: str, pool: str = "optimizer") -> None:
    await journal.record(key, pool=pool, answer={"text": text}, usage=ONE, at=NOW)


async def test_rows_that_wait_together_are_written_together(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        journal = await journal_of(ledger, writer)
        await asyncio.gather(*(record(journal, f"k{number}", "x") for number in range(50)))
        written = await ledger.read.count(JOURNAL, {})

    assert written == sum(ledger.batches) == 50
    assert len(ledger.batches) <= 2


async def test_an_answer_is_durable_before_its_caller_goes_on(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        journal = await journal_of(ledger, writer)
        await record(journal, "k", "x")

        [row] = await ledger.read.find(JOURNAL, {"_id": "k"})

    assert (row["answer"], row["pool"], row["task_id"], row["request_id"]) == ({"text": "x"}, "optimizer", "t1", "r1")


async def test_equal_calls_are_told_apart_by_their_order_and_a_rerun_finds_them_in_it(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        first = await journal_of(ledger, writer)
        for text in ("first", "second"):
            await record(first, first.next_key("step", "hash"), text)

        again = await journal_of(ledger, writer)
        keys = [again.next_key("step", "hash") for _ in range(3)]

    assert [again.recorded(key) for key in keys] == [{"text": "first"}, {"text": "second"}, None]


async def test_another_step_request_task_or_generation_is_another_call(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        keys = {
            (await journal_of(ledger, writer, **which)).next_key(step, request_hash)
            for which, step, request_hash in (
                ({}, "a", "h"),
                ({}, "b", "h"),
                ({}, "a", "i"),
                ({"task": "t2"}, "a", "h"),
                ({"generation": 1}, "a", "h"),
            )
        }

    assert len(keys) == 5


async def test_usage_is_counted_over_all_tasks_of_the_request_and_answers_are_not_shared(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        first = await journal_of(ledger, writer, task="t1")
        await record(first, first.next_key("s", "h"), "x", pool="optimizer")
        other = await journal_of(ledger, writer, task="elsewhere", request="r2")
        await record(other, other.next_key("s", "h"), "y")

        second = await journal_of(ledger, writer, task="t2")
        key = second.next_key("s", "h")
        await record(second, key, "z", pool="embedder")

    assert second.used == {"optimizer": ONE, "embedder": ONE}
    assert second.total == ONE + ONE
    assert (await journal_of(ledger, JournalWriter(ledger), task="t2")).recorded(key) == {"text": "z"}


async def test_a_zombies_late_row_does_not_replace_what_was_answered(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        zombie, heir = await journal_of(ledger, writer), await journal_of(ledger, writer)
        key = heir.next_key("s", "h")
        await record(heir, key, "used")
        await record(zombie, zombie.next_key("s", "h"), "late")

        [row] = await ledger.read.find(JOURNAL, {})

    assert row["answer"] == {"text": "used"}


async def test_whoever_waits_learns_that_a_row_could_not_be_written_and_the_next_one_can(ledger: WatchedLedger) -> None:
    async with a_writer(ledger) as writer:
        journal = await journal_of(ledger, writer)
        ledger.away = True
        outcomes = await asyncio.gather(record(journal, "a", "x"), record(journal, "b", "x"), return_exceptions=True)
        ledger.away = False
        await record(journal, "c", "x")
        rows = await ledger.read.find(JOURNAL, {})

    assert [type(outcome) for outcome in outcomes] == [AutoReconnect, AutoReconnect]
    assert [row["_id"] for row in rows] == ["c"]
    assert (journal.recorded("a"), journal.recorded("c")) == (None, {"text": "x"})


async def test_a_writer_that_is_stopped_writes_what_waits(ledger: WatchedLedger) -> None:
    writer = JournalWriter(ledger)
    journal = await journal_of(ledger, writer)
    waiting = asyncio.ensure_future(record(journal, "k", "x"))
    await asyncio.sleep(0)
    writer.stop()

    await writer.run()
    await waiting

    assert await ledger.read.count(JOURNAL, {}) == 1
