"""The journal: every model call of a task, recorded before its answer is used.

A task that runs again replays what was paid for. Rows are written in batches; the caller has its
answer when the batch is durable, so at most the calls in flight are repeated after a crash.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from graftwork.contracts.ids import derived_id
from graftwork.contracts.ids import first_part
from graftwork.contracts.usage import Usage
from graftwork.kit.crash_points import crash_point
from graftwork.kit.doorbell import Doorbell
from graftwork.kit.ledger import JOURNAL
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader

_IDLE_SECONDS = 1.0


class JournalWriter:
    """Writes journal rows of all tasks of a process in batches. ``run`` owns the writing."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[Document, asyncio.Future[None]]] = []
        self._bell = Doorbell()
        self._stopping = False

    async def write(self, row: Document) -> None:
        """Return once the row is durable."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, durable))
        self._bell.ring()
        await durable

    async def run(self) -> None:
        """Write what waits, until stopped and empty."""
        while not (self._stopping and not self._waiting):
            if not self._waiting:
                await self._bell.wait(_IDLE_SECONDS)
            batch, self._waiting = self._waiting, []
            if batch:
                await self._flush(batch)

    def stop(self) -> None:
        """End ``run`` after the last row."""
        self._stopping = True
        self._bell.ring()

    async def _flush(self, batch: list[tuple[Document, asyncio.Future[None]]]) -> None:
        try:
            await self._ledger.insert_unordered(JOURNAL, [row for row, _ in batch])
        except Exception as error:  # noqa: BLE001 - handed to every waiter, who classifies it
            _settle(batch, error)
        else:
            crash_point("call.recorded")
            _settle(batch, None)


def _settle(batch: list[tuple[Document, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, durable in batch:
        if durable.done():
            continue
        if error is None:
            durable.set_result(None)
        else:
            durable.set_exception(error)


class RequestJournal:
    """The journal as one attempt of a task sees it: its own answers, and what its request has used, by kind of task."""

    def __init__(self, writer: JournalWriter, *, task_id: str, request_id: str, job_id: str, generation: int) -> None:
        self._writer = writer
        self._ids = {"task_id": task_id, "request_id": request_id, "job_id": job_id}
        self._generation = generation
        self._answers: dict[str, Any] = {}
        self._occurrences: Counter[str] = Counter()
        self.used_by_task: dict[str, dict[str, Usage]] = {}

    @classmethod
    async def load(
        cls, reader: Reader, writer: JournalWriter, *, task_id: str, request_id: str, job_id: str, generation: int
    ) -> "RequestJournal":
        """Read what was recorded for the request so far."""
        journal = cls(writer, task_id=task_id, request_id=request_id, job_id=job_id, generation=generation)
        for row in await reader.find(JOURNAL, {"request_id": request_id}):
            journal._count(row["task_id"], row["pool"], Usage.model_validate(row["usage"]))
            if row["task_id"] == task_id:
                journal._answers[row["_id"]] = row["answer"]
        return journal

    def next_key(self, step: str, request_hash: str) -> str:
        """Key of the next call of this step with this request; equal calls are told apart by order."""
        call = derived_id(self._ids["task_id"], self._generation, step, request_hash)
        self._occurrences[call] += 1
        return derived_id(call, self._occurrences[call])

    def recorded(self, key: str) -> Any | None:
        """Answer recorded under ``key``, or None."""
        return self._answers.get(key)

    async def record(self, key: str, *, pool: str, answer: Mapping[str, Any], usage: Usage, at: Any) -> None:
        """Make the answer durable and count its usage."""
        crash_point("call.answered")
        self._count(self._ids["task_id"], pool, usage)
        await self._writer.write(
            {"_id": key, **self._ids, "pool": pool, "answer": dict(answer), "usage": usage.model_dump(), "at": at}
        )
        self._answers[key] = dict(answer)

    @property
    def total(self) -> Usage:
        """Usage of the whole request over all pools."""
        return Usage.total(self.used.values())

    @property
    def used(self) -> dict[str, Usage]:
        """Pool -> usage of the whole request."""
        pools = {pool for task in self.used_by_task.values() for pool in task}
        return {pool: Usage.total(t[pool] for t in self.used_by_task.values() if pool in t) for pool in sorted(pools)}

    def _count(self, task_id: str, pool: str, usage: Usage) -> None:
        task = self.used_by_task.setdefault(first_part(task_id), {})
        task[pool] = task.get(pool, Usage()) + usage
