"""What every service does with a job that is stopped, goes on, or is deleted."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from graftwork.contracts.events import JobDeleted
from graftwork.contracts.events import JobResumed
from graftwork.contracts.events import JobStopping
from graftwork.kit.bus import Event
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload


class ForgetJob(TaskPayload):
    """Delete what the service's ledger holds of a job; too much for the transaction that admits the event."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False


def stop_jobs(router: Router) -> None:
    """Let ``router``'s service obey ``job.stopping``: nothing of the job is leased, what runs is cancelled."""

    async def on_stopping(event: Event[JobStopping], tx: Transaction) -> None:
        await tx.stop_job(event.data.job_id, event.data.run)

    async def on_resumed(event: Event[JobResumed], tx: Transaction) -> None:
        await tx.resume_job(event.data.job_id, event.data.run)

    router.on(JobStopping)(on_stopping)
    router.on(JobResumed)(on_resumed)


def forget_jobs(router: Router, collections: Sequence[str] = ()) -> None:
    """Let ``router``'s service obey ``job.deleted``; rows of ``collections`` name their job in ``job_id``."""

    async def on_deleted(event: Event[JobDeleted], tx: Transaction) -> None:
        tx.enqueue(ForgetJob(job_id=event.data.job_id, request_id=event.data.job_id))

    router.on(JobDeleted)(on_deleted)
    router.task(ForgetJob)(partial(forget_job, collections=collections))


async def forget_job(task: ForgetJob, ctx: TaskContext, *, collections: Sequence[str]) -> None:
    """Delete the job's rows; may run twice."""
    await ctx.forget_job(task.job_id, collections)
