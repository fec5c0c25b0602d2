"""Tasks: work leased from the ledger. A task may run twice; only the lease holder's result counts."""

import asyncio
import re
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from typing import ClassVar
from typing import Protocol
from typing import Self
from typing import TypeVar

from graftwork.contracts.base import Contract
from graftwork.contracts.events import EventData
from graftwork.contracts.ids import derived_id
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage
from graftwork.kit.blobs import Blobs
from graftwork.kit.clock import Clock
from graftwork.kit.crash_points import crash_point
from graftwork.kit.errors import LeaseLost
from graftwork.kit.journal import JournalWriter
from graftwork.kit.journal import RequestJournal
from graftwork.kit.ledger import RUNNING
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import Logger
from graftwork.kit.logging import get_logger

T = TypeVar("T")
DONE = "done"
FAILED = "failed"
CANCELLED = "cancelled"


class TaskPayload(Contract):
    """What a task has to know; subclasses add their own fields and are versioned like events.

    ``survives_stop``: runs even after its job was stopped (publishing what was accepted).
    ``run``: continuation of the job that it belongs to; a stop ends the run it names and those before.
    ``reports_failure``: a failure is told to search as ``work.failed``.
    """

    kind: ClassVar[str] = ""
    survives_stop: ClassVar[bool] = False
    reports_failure: ClassVar[bool] = True

    job_id: str
    request_id: str
    rank: int = 0
    deadline: datetime | None = None
    grant: Grant = Grant()
    run: int = 0

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        cls.kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def task_id(self) -> str:
        """Identity: one task of a kind per request. Override where a request makes several."""
        return derived_id(self.kind, self.request_id)

    @classmethod
    def of(cls, request: "EventData | TaskPayload", **more: Any) -> Self:
        """Take the fields of the same name from a request (or from a task before this one)."""
        common = {name: getattr(request, name) for name in cls.model_fields if hasattr(request, name)}
        return cls(**{**common, **more})


@dataclass(frozen=True)
class Lease:
    """A task as leased: the row, the holder's token and the fence its result must show."""

    row: Mapping[str, Any]
    token: str
    fence: int

    @property
    def task_id(self) -> str:
        """Identity of the task."""
        return str(self.row["_id"])

    @property
    def job_id(self) -> str:
        """Job the task belongs to."""
        return str(self.row["job_id"])

    @property
    def run(self) -> int:
        """Continuation of the job that the task belongs to."""
        return int(self.row["payload"].get("run", 0))

    @property
    def held(self) -> Document:
        """Query that matches the task only while this lease holds."""
        return {"_id": self.task_id, "state": RUNNING, "lease": self.token, "fence": self.fence}


class TaskContext:
    """What a running task may use; it lives as long as one attempt."""

    def __init__(self, lease: Lease, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal) -> None:
        self._lease = lease
        self._ledger = ledger
        self.blobs = blobs
        self.journal = journal
        self.clock: Clock = ledger.clock
        self.committed = False
        self.log: Logger = get_logger("graftwork.task")

    @property
    def task_id(self) -> str:
        """Identity of the task."""
        return self._lease.task_id

    @property
    def attempt(self) -> int:
        """1 for the first run."""
        return int(self._lease.row["attempts"])

    @property
    def generation(self) -> int:
        """Raised to want other answers than those in the journal."""
        return int(self._lease.row["generation"])

    @property
    def read(self) -> Reader:
        """Reads outside a transaction."""
        return self._ledger.read

    @property
    def used(self) -> dict[str, Usage]:
        """Pool -> usage of the whole request so far; belongs into the answer."""
        return self.journal.used

    @property
    def used_by_task(self) -> dict[str, dict[str, Usage]]:
        """Kind of task -> pool -> usage of the whole request so far; belongs into the answer too."""
        return self.journal.used_by_task

    async def forget_job(self, job_id: str, collections: Iterable[str]) -> None:
        """Delete what this service's ledger holds of a job, but for this task."""
        await self._ledger.forget_job(job_id, collections, but=self.task_id)

    @asynccontextmanager
    async def commit(self) -> AsyncIterator["Commit"]:
        """Collect the result and write it in one transaction when the block ends, if the lease still holds.

        Raises ``LeaseLost``: another worker owns the task, and this result is discarded.
        """
        commit = Commit(now=self.clock.now())
        yield commit
        await self._ledger.transaction(lambda tx: self._apply(commit, tx))
        crash_point("task.done")
        self.committed = True

    async def gather(self, works: Iterable[Awaitable[T]]) -> list[T]:
        """Run side by side; the first failure cancels the others and is raised as it is."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_awaited(work)) for work in works]
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures
        return [task.result() for task in tasks]

    async def _apply(self, commit: "Commit", tx: Transaction) -> None:
        end = {"$set": {"state": DONE, "finished_at": tx.now}, "$unset": {"lease": ""}}
        if not await tx.update(TASKS, self._lease.held, end):
            raise LeaseLost(f"task {self.task_id} has another owner")
        await commit.replay(tx)
        crash_point("task.written")


class _Step(Protocol):
    async def __call__(self, tx: Transaction) -> None: ...


class Commit:
    """Records what to write, so that the transaction can be retried as a whole."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._steps: list[_Step] = []

    def insert(self, collection: str, document: Document) -> None:
        """Insert one document."""
        self.then(lambda tx: tx.insert(collection, dict(document)))

    def insert_new(self, collection: str, document: Document) -> None:
        """Insert unless the ``_id`` exists."""
        self.then(lambda tx: tx.insert_new(collection, dict(document)))

    def update(self, collection: str, query: Mapping[str, Any], update: Any, *, upsert: bool = False) -> None:
        """Update the first match."""
        self.then(lambda tx: tx.update(collection, query, update, upsert=upsert))

    def emit(self, data: EventData) -> None:
        """Publish after commit."""

        async def step(tx: Transaction) -> None:
            tx.emit(data)

        self.then(step)

    def enqueue(self, payload: TaskPayload, *, not_before: datetime | None = None) -> None:
        """Add work."""

        async def step(tx: Transaction) -> None:
            tx.enqueue(payload, not_before=not_before)

        self.then(step)

    def then(self, step: Any) -> None:
        """Run ``step(tx)`` in the transaction; for what the other verbs cannot say."""
        self._steps.append(step)

    async def replay(self, tx: Transaction) -> None:
        """Do it all, in order."""
        for step in self._steps:
            await step(tx)


class ContextFactory(Protocol):
    """Builds the context of one attempt; ``bootstrap`` chooses which."""

    def __call__(
        self, lease: Lease, payload: TaskPayload, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal
    ) -> TaskContext:
        """Context for this lease."""
        ...


def plain_context(
    lease: Lease, payload: TaskPayload, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal
) -> TaskContext:
    """Context of a service that calls no models."""
    del payload
    return TaskContext(lease, ledger=ledger, blobs=blobs, journal=journal)


async def open_journal(ledger: Ledger, writer: JournalWriter, lease: Lease) -> RequestJournal:
    """Journal of the lease's request, as far as it was written."""
    return await RequestJournal.load(
        ledger.read,
        writer,
        task_id=lease.task_id,
        request_id=str(lease.row["request_id"]),
        job_id=lease.job_id,
        generation=int(lease.row["generation"]),
    )


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
