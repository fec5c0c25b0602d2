"""Search's own work: opening jobs, and what clocks set off."""

from functools import partial

from pydantic import ValidationError

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobSpec
from graftwork.kit.errors import BlobMissing
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.job_life import forget_job
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import UNLIMITED
from graftwork.kit.service import Router
from graftwork.kit.tasks import TaskContext
from graftwork_search.anchoring import store_anchor
from graftwork_search.convergence import Stop
from graftwork_search.convergence import StopCode
from graftwork_search.documents import CANCELLATIONS
from graftwork_search.documents import NODES
from graftwork_search.documents import REQUESTS
from graftwork_search.documents import JobDocument
from graftwork_search.documents import Stage
from graftwork_search.ending import fail
from graftwork_search.ending import when_quiet
from graftwork_search.errors import Reason
from graftwork_search.failing import SILENT
from graftwork_search.failing import request_failed
from graftwork_search.finalising import finish_search
from graftwork_search.opening import begin
from graftwork_search.reviewing import review_expired
from graftwork_search.session import JobSession
from graftwork_search.settings import SearchSettings
from graftwork_search.timing import TIME_USED_UP
from graftwork_search.work import OpenJob
from graftwork_search.work import RequestDeadline
from graftwork_search.work import ReviewExpiry
from graftwork_search.work import WallClock

_DETAIL_CHARS = 400


async def open_job(task: OpenJob, ctx: TaskContext, *, settings: SearchSettings) -> None:
    """Read the spec and begin; a spec that cannot be read ends the job."""
    spec: JobSpec | None = None
    anchor: BlobRef | None = None
    problem = ""
    try:
        spec = await ctx.blobs.get_model(task.spec, JobSpec)
        anchor = await store_anchor(ctx.blobs, task.job_id, spec)
    except (ValidationError, BlobMissing) as error:
        problem = str(error)[:_DETAIL_CHARS]

    async def step(tx: Transaction) -> None:
        session = await JobSession.find(tx, settings, task.job_id)
        if session is None:
            return
        if spec is None:
            await fail(session, Reason.INVALID_SPEC, problem)
        else:
            session.job.anchor_metrics = anchor
            # The user's rows stay in the blob: they may be larger than a document can be.
            await begin(session, spec.model_copy(update={"seeds": None}))
        await session.save()

    async with ctx.commit() as commit:
        commit.then(step)


async def deadline_passed(task: RequestDeadline, ctx: TaskContext, *, settings: SearchSettings) -> None:
    """A request that is still open has a silent worker."""

    async def step(tx: Transaction) -> None:
        if await tx.find_one(REQUESTS, {"_id": task.request_id, "open": True}) is None:
            return
        session = await JobSession.find(tx, settings, task.job_id)
        if session is None:
            return
        request = await session.give_up(task.request_id)
        if request is None:
            return
        if session.stopping and request.stage is not Stage.DATASET:
            await when_quiet(session)
        else:
            await request_failed(session, request, code=SILENT, message="no answer before the deadline")
        await session.save()

    async with ctx.commit() as commit:
        commit.then(step)


async def time_is_up(task: WallClock, ctx: TaskContext, *, settings: SearchSettings) -> None:
    """End the search, or the job."""

    async def step(tx: Transaction) -> None:
        session = await JobSession.find(tx, settings, task.job_id)
        if session is None or session.stopping or not _rings(session.job, task):
            return
        if not task.search_only:
            await fail(session, Reason.BUDGET_EXHAUSTED, "the job's time is used up")
        elif session.job.phase is JobPhase.SEARCHING and session.scored():
            await finish_search(session, Stop(code=StopCode.TIME, message=TIME_USED_UP))
        await session.save()

    async with ctx.commit() as commit:
        commit.then(step)


async def review_is_late(task: ReviewExpiry, ctx: TaskContext, *, settings: SearchSettings) -> None:
    """Go on without the answer, if there is none."""

    async def step(tx: Transaction) -> None:
        session = await JobSession.find(tx, settings, task.job_id)
        if session is not None:
            await review_expired(session, task.request_id)
            await session.save()

    async with ctx.commit() as commit:
        commit.then(step)


def _rings(job: JobDocument, alarm: WallClock) -> bool:
    """Whether the clock that set this alarm is still running."""
    return job.clock.since is not None and job.clock.starts == alarm.start


def add_tasks(router: Router, settings: SearchSettings) -> None:
    """Register all tasks of the service. Nobody else would notice if one of them were given up."""
    router.task(OpenJob, max_attempts=UNLIMITED)(partial(open_job, settings=settings))
    router.task(RequestDeadline, max_attempts=UNLIMITED)(partial(deadline_passed, settings=settings))
    router.task(WallClock, max_attempts=UNLIMITED)(partial(time_is_up, settings=settings))
    router.task(ReviewExpiry, max_attempts=UNLIMITED)(partial(review_is_late, settings=settings))
    router.task(ForgetJob)(partial(forget_job, collections=(NODES, REQUESTS, CANCELLATIONS)))
