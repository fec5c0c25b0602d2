"""The worker: leases tasks in batches, runs them, keeps their leases alive, and obeys what they raise.

One lease loop and one heartbeat per process.
"""

import asyncio
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import ConnectionFailure
from pymongo.errors import PyMongoError

from graftwork.contracts.events import WorkFailed
from graftwork.kit import metrics
from graftwork.kit.backoff import backoff_seconds
from graftwork.kit.blobs import Blobs
from graftwork.kit.crash_points import crash_point
from graftwork.kit.errors import DeadlineExceeded
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import JobStopped
from graftwork.kit.errors import LeaseLost
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import PermanentError
from graftwork.kit.errors import RetryableError
from graftwork.kit.errors import WorkerKilled
from graftwork.kit.journal import JournalWriter
from graftwork.kit.leasing import Leasing
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import about
from graftwork.kit.logging import get_logger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.spans import Spans
from graftwork.kit.tasks import CANCELLED
from graftwork.kit.tasks import DONE
from graftwork.kit.tasks import FAILED
from graftwork.kit.tasks import ContextFactory
from graftwork.kit.tasks import Lease
from graftwork.kit.tasks import TaskPayload
from graftwork.kit.tasks import open_journal
from graftwork.kit.work_spans import tell_outcome
from graftwork.kit.work_spans import tell_trouble
from graftwork.kit.work_spans import trying

log = get_logger(__name__)
TaskFunction = Callable[[Any, Any], Awaitable[None]]
_OUTAGES = (DependencyDown, Overloaded, ConnectionFailure)
# A lease may also run out while the ledger stalls, so this is far more than any honest task meets.
_MOST_DEATHS = 20
_STOP_CHECK_SECONDS = 1.0
_MESSAGE_CHARS = 2_000


@dataclass(frozen=True)
class TaskSpec:
    """A kind of task: its payload, its function, and how often it may be tried."""

    payload: type[TaskPayload]
    run: TaskFunction
    max_attempts: int


class _Running:
    """A task under way; ``cause`` says why it was cancelled by us."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.task: asyncio.Task[None] | None = None
        self.cause: GraftworkError | None = None

    def cancel(self, cause: GraftworkError) -> None:
        if self.cause is None and self.task is not None:
            self.cause = cause
            self.task.cancel()


class Worker:
    """Runs the tasks of one service in this process."""

    def __init__(
        self,
        specs: Mapping[str, TaskSpec],
        *,
        ledger: Ledger,
        blobs: Blobs,
        journal: JournalWriter,
        context: ContextFactory,
        settings: ServiceSettings,
        spans: Spans | None = None,
    ) -> None:
        self._specs = specs
        self._ledger = ledger
        self._blobs = blobs
        self._journal = journal
        self._context = context
        self._settings = settings
        self._spans = spans or Spans()
        self._leasing = Leasing(ledger, specs, lease_seconds=settings.lease_seconds)
        self._running: dict[str, _Running] = {}
        self._stopping = asyncio.Event()
        self._slot_free = ledger.doorbells.tasks

    async def run(self) -> None:
        """Lease and run until stopped; then let running tasks finish within the drain time."""
        async with asyncio.TaskGroup() as helpers:
            heartbeat = helpers.create_task(self._heartbeat())
            stops = helpers.create_task(self._watch_stops())
            async with asyncio.TaskGroup() as tasks:
                await self._lease_loop(tasks)
                await self._drain()
            heartbeat.cancel()
            stops.cancel()

    def stop(self) -> None:
        """Take no new tasks."""
        self._stopping.set()
        self._slot_free.ring()

    async def _lease_loop(self, tasks: asyncio.TaskGroup) -> None:
        while not self._stopping.is_set():
            try:
                leased = await self._leasing.take(self._settings.task_concurrency - len(self._running))
            except PyMongoError as error:
                log.warning("ledger.unreachable", error=str(error))
                leased = []
                await asyncio.sleep(self._settings.poll_seconds)
            for lease in leased:
                if lease.task_id in self._running:
                    continue  # its own lease ran out here: the heartbeat ends that run first
                crash_point("task.leased")
                running = self._running[lease.task_id] = _Running(lease)
                running.task = tasks.create_task(self._supervise(running), name=lease.task_id)
            if not leased:
                await self._slot_free.wait(self._settings.poll_seconds)

    async def _drain(self) -> None:
        pending = [r.task for r in self._running.values() if r.task is not None]
        if pending:
            await asyncio.wait(pending, timeout=self._settings.drain_seconds)
        for running in list(self._running.values()):
            running.cancel(_Released("the process is shutting down"))

    async def _heartbeat(self) -> None:
        """Extend the leases of running tasks; cancel those that someone else owns by now."""
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            running = dict(self._running)
            if not running:
                continue
            try:
                await self._extend(running)
            except PyMongoError as error:
                metrics.HEARTBEATS_FAILED.inc()
                log.warning("heartbeat.failed", error=str(error))

    async def _extend(self, running: Mapping[str, _Running]) -> None:
        for task_id in await self._leasing.extend([one.lease for one in running.values()]):
            if task_id in self._running:
                running[task_id].cancel(LeaseLost(f"task {task_id} was taken over"))

    async def _watch_stops(self) -> None:
        """Cancel running tasks of jobs that were stopped."""
        while True:
            await self._ledger.doorbells.stops.wait(_STOP_CHECK_SECONDS)
            running = list(self._running.values())
            if not running:
                continue
            try:
                stopped = await self._leasing.stopped([one.lease for one in running])
            except PyMongoError as error:
                log.warning("stops.unreadable", error=str(error))
                continue
            for one in running:
                if one.lease.task_id in stopped and not self._spec(one.lease).payload.survives_stop:
                    one.cancel(JobStopped("the job was stopped"))

    def _spec(self, lease: Lease) -> TaskSpec:
        return self._specs[lease.row["kind"]]

    async def _supervise(self, running: _Running) -> None:
        lease = running.lease
        kind = lease.row["kind"]
        started = time.perf_counter()
        metrics.TASKS_RUNNING.inc()
        with (
            about(
                job_id=lease.job_id,
                node_id=lease.row["payload"].get("node_id"),
                task_id=lease.task_id,
                request_id=lease.row["request_id"],
                kind=kind,
                attempt=lease.row["attempts"],
            ),
            trying(self._spans, lease),
        ):
            try:
                outcome = await self._run(running)
                tell_outcome(outcome)
            finally:
                self._running.pop(lease.task_id, None)
                metrics.TASKS_RUNNING.dec()
                metrics.TASK_SECONDS.labels(kind).observe(time.perf_counter() - started)
                self._slot_free.ring()
        metrics.TASKS_FINISHED.labels(kind, outcome).inc()

    async def _run(self, running: _Running) -> str:
        """Run one task and record how it ended; never raises but for our own cancellation."""
        try:
            await self._attempt(running.lease)
        except asyncio.CancelledError:
            if running.cause is None:
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]  # we are inside a task
            return await self._settle(running.lease, running.cause)
        except Exception as error:
            if not isinstance(error, GraftworkError):
                log.exception("task.crashed")
            return await self._settle(running.lease, error)
        return DONE

    async def _attempt(self, lease: Lease) -> None:
        spec = self._spec(lease)
        payload = spec.payload.model_validate(lease.row["payload"])
        if not spec.payload.survives_stop and await self._leasing.stopped([lease]):
            raise JobStopped("the job was stopped before this task began")
        if lease.row.get("deaths", 0) >= _MOST_DEATHS:
            raise WorkerKilled(f"{payload.kind} was left by {lease.row['deaths']} workers that fell silent over it")
        journal = await open_journal(self._ledger, self._journal, lease)
        context = self._context(lease, payload, ledger=self._ledger, blobs=self._blobs, journal=journal)
        remaining = self._remaining_seconds(payload)
        if remaining is not None and remaining <= 0:
            raise _too_late(lease)
        try:
            async with asyncio.timeout(remaining) as limit:
                await spec.run(payload, context)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise _too_late(lease) from error
        if not context.committed:
            await self._leasing.end(lease, DONE)

    def _remaining_seconds(self, payload: TaskPayload) -> float | None:
        if payload.deadline is None:
            return None
        return (payload.deadline - self._ledger.clock.now()).total_seconds()

    async def _settle(self, lease: Lease, error: Exception) -> str:
        tell_trouble(error)
        try:
            return await self._record(lease, error)
        except PyMongoError as fault:
            log.warning("task.unsettled", error=str(fault))  # its lease runs out, and it is tried again
            return "unsettled"

    async def _record(self, lease: Lease, error: Exception) -> str:
        match error:
            case LeaseLost():
                metrics.LEASES_LOST.inc()
                log.warning("task.lease_lost")
                return "lease_lost"
            case _Released():
                await self._leasing.give_back(lease)
                return "released"
            case JobStopped():
                await self._fail(lease, error, CANCELLED, "permanent")
                return CANCELLED
            case PermanentError():
                await self._fail(lease, error, FAILED, "permanent")
                return FAILED
            case _ if self._given_up(lease, error):
                await self._fail(lease, error, FAILED, "retryable")
                return FAILED
            case _:
                await self._retry_later(lease, error)
                return "retried"

    def _given_up(self, lease: Lease, error: Exception) -> bool:
        """An outage is nobody's fault and ends some time: only the deadline ends the waiting for it."""
        waits = isinstance(error, _OUTAGES) and lease.row["payload"].get("deadline") is not None
        return not waits and lease.row["attempts"] >= self._spec(lease).max_attempts

    async def _retry_later(self, lease: Lease, error: Exception) -> None:
        asked = error.retry_after_seconds if isinstance(error, RetryableError) else None
        wait = backoff_seconds(
            lease.row["attempts"],
            base_seconds=self._settings.retry_base_seconds,
            cap_seconds=self._settings.retry_cap_seconds,
            at_least_seconds=asked,
        )
        log.info("task.retry", error=str(error), wait_seconds=round(wait, 2))
        await self._leasing.retry_in(lease, wait, _shown(error))

    async def _fail(self, lease: Lease, error: Exception, state: str, error_class: str) -> None:
        journal = await open_journal(self._ledger, self._journal, lease)
        code = error.code if isinstance(error, GraftworkError) else "internal"
        failure = WorkFailed(
            job_id=lease.job_id,
            request_id=str(lease.row["request_id"]),
            used=journal.used,
            used_by_task=journal.used_by_task,
            stage=str(lease.row["kind"]),
            code=code,
            error_class=error_class,
            message=_shown(error),
        )

        async def write(tx: Transaction) -> None:
            end = {"$set": {"state": state, "finished_at": tx.now, "error": failure.message}}
            if await tx.update(TASKS, lease.held, end) and self._spec(lease).payload.reports_failure:
                tx.emit(failure)

        await self._ledger.transaction(write)
        log.warning("task.failed", code=code, error=failure.message)


def _too_late(lease: Lease) -> DeadlineExceeded:
    trouble = f"; before that: {lease.row['error']}" if lease.row.get("error") else ""
    return DeadlineExceeded(f"{lease.row['kind']} did not end before its deadline{trouble}")


def _shown(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:_MESSAGE_CHARS]


class _Released(GraftworkError):
    """The worker stops; the task goes back to the queue."""
