"""Events in. Each handler changes one job, in one transaction."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from functools import partial
from typing import Any

from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobDeleted
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.events import WorkflowProposed
from graftwork.kit.bus import Event
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.tracing import inherited_traceparent
from graftwork_search import evaluating
from graftwork_search import finalising
from graftwork_search import opening
from graftwork_search import producing
from graftwork_search.cancelling import cancelled_before
from graftwork_search.cancelling import remember_cancellation
from graftwork_search.continuing import continuation_requested
from graftwork_search.documents import FORGOTTEN
from graftwork_search.documents import JOBS
from graftwork_search.documents import JobDocument
from graftwork_search.documents import RequestDocument
from graftwork_search.documents import Stage
from graftwork_search.ending import cancel
from graftwork_search.ending import published
from graftwork_search.ending import when_quiet
from graftwork_search.errors import UnknownJob
from graftwork_search.failing import request_failed
from graftwork_search.following import link_job
from graftwork_search.reviewing import review_submitted
from graftwork_search.session import JobSession
from graftwork_search.settings import SearchSettings
from graftwork_search.work import OpenJob

Flow = Callable[[JobSession, RequestDocument, Any], Awaitable[None]]
Change = Callable[[JobSession, Any], Awaitable[None]]


async def job_submitted(event: Event[JobSubmitted], tx: Transaction, *, settings: SearchSettings) -> None:
    """Store the job and queue its opening; it may have been cancelled before it got here."""
    job = JobDocument(
        id=event.data.job_id,
        tenant=event.data.tenant,
        spec_ref=event.data.spec,
        preview=event.data.preview,
        submitted_at=event.data.submitted_at,
        traceparent=inherited_traceparent(),
    )
    if await tx.find_one(FORGOTTEN, {"_id": job.id}) or not await tx.insert_new(JOBS, {"_id": job.id, **job.row()}):
        return
    session = await JobSession.open(tx, settings, job.id)
    session.say("job.queued", "accepted; waiting for its turn")
    if not await cancelled_before(session):
        tx.enqueue(OpenJob(job_id=job.id, request_id=job.id, spec=job.spec_ref))
    await session.save()


async def cancellation_requested(
    event: Event[JobCancellationRequested], tx: Transaction, *, settings: SearchSettings
) -> None:
    """Stop the job's run, or remember to, since events of different types may overtake each other."""
    told = event.data
    try:
        session = await JobSession.find(tx, settings, told.job_id)
    except UnknownJob:
        await remember_cancellation(tx, told)
        return
    if session is None:
        return
    if told.run > session.job.run:
        await remember_cancellation(tx, told)
    elif told.run == session.job.run:
        link_job(session.job)
        await cancel(session, told.reason)
        await session.save()


async def changed(event: Event[Any], tx: Transaction, *, settings: SearchSettings, change: Change) -> None:
    """Change a job as a client wants it, unless it was deleted."""
    session = await JobSession.find(tx, settings, event.data.job_id)
    if session is not None:
        link_job(session.job)
        await change(session, event.data)
        await session.save()


async def job_deleted(event: Event[JobDeleted], tx: Transaction) -> None:
    """Forget the job, and remember only that, so that late answers are no riddle."""
    job_id = event.data.job_id
    await tx.insert_new(FORGOTTEN, {"_id": job_id, "at": tx.now})
    await tx.delete(JOBS, {"_id": job_id})
    tx.enqueue(ForgetJob(job_id=job_id, request_id=job_id))


async def metrics_regenerated(event: Event[MetricsRegenerated], tx: Transaction, *, settings: SearchSettings) -> None:
    """Note the ruler."""
    session = await JobSession.find(tx, settings, event.data.job_id)
    if session is not None and not session.job.state.terminal:
        evaluating.metrics_regenerated(session, event.data)
        await session.save()


async def answered(event: Event[Any], tx: Transaction, *, settings: SearchSettings, flow: Flow) -> None:
    """Close the request, then let the flow go on, or the ending if the job is being stopped; late, only book it."""
    session = await JobSession.find(tx, settings, event.data.job_id)
    if session is None:
        return
    request = await session.close(event.data.request_id, event.data.used, event.data.used_by_task)
    if request is None:
        await session.save()
        return
    if session.stopping and request.stage is not Stage.DATASET:
        if isinstance(event.data, SamplesAccepted):
            producing.book_acceptance(session, event.data)
        await when_quiet(session)
    else:
        await flow(session, request, event.data)
    await session.save()


async def _seeds(session: JobSession, _request: RequestDocument, data: SeedsProposed) -> None:
    await opening.seeds_proposed(session, data)


async def _workflow(session: JobSession, _request: RequestDocument, data: WorkflowProposed) -> None:
    await evaluating.workflow_proposed(session, data)


async def _samples(session: JobSession, request: RequestDocument, data: SamplesGenerated) -> None:
    match data.purpose:
        case Purpose.FINALIST:
            await finalising.samples_generated(session, data)
        case Purpose.PRODUCTION:
            await producing.samples_generated(session, int(request.chunk_first or 0), data)
        case _:
            await evaluating.samples_generated(session, data)


async def _scores(session: JobSession, request: RequestDocument, data: ScoresReady) -> None:
    if request.stage is Stage.SCORE_FINALIST:
        await finalising.scores_ready(session, data)
    else:
        await evaluating.scores_ready(session, data)


async def _accepted(session: JobSession, _request: RequestDocument, data: SamplesAccepted) -> None:
    await producing.samples_accepted(session, data)


async def _published(session: JobSession, _request: RequestDocument, data: DatasetPublished) -> None:
    await published(session, data)


async def _failed(session: JobSession, request: RequestDocument, data: WorkFailed) -> None:
    await request_failed(session, request, code=data.code, message=data.message)


FLOWS: Mapping[type[EventData], Flow] = {
    SeedsProposed: _seeds,
    WorkflowProposed: _workflow,
    SamplesGenerated: _samples,
    ScoresReady: _scores,
    SamplesAccepted: _accepted,
    DatasetPublished: _published,
    WorkFailed: _failed,
}


def add_handlers(router: Router, settings: SearchSettings) -> None:
    """Register all handlers of the service."""
    router.on(JobSubmitted)(partial(job_submitted, settings=settings))
    router.on(JobCancellationRequested)(partial(cancellation_requested, settings=settings))
    router.on(ReviewSubmitted)(partial(changed, settings=settings, change=review_submitted))
    router.on(JobContinuationRequested)(partial(changed, settings=settings, change=continuation_requested))
    router.on(JobDeleted)(job_deleted)
    router.on(MetricsRegenerated)(partial(metrics_regenerated, settings=settings))
    for event_type, flow in FLOWS.items():
        router.on(event_type)(partial(answered, settings=settings, flow=flow))
