"""A deleted job leaves nothing, and what comes for it later is no riddle."""

from datetime import UTC
from datetime import datetime

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import Decision
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobDeleted
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.events import WorkflowRequested
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import TASKS
from graftwork_search.documents import CANCELLATIONS
from graftwork_search.documents import FORGOTTEN
from graftwork_search.documents import JOBS
from graftwork_search.documents import NODES
from graftwork_search.documents import REQUESTS
from graftwork_search.settings import SearchSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import records_of
from tests.support.searching import JOB
from tests.support.searching import Play
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import blob

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def forgotten(job: Play) -> None:
    """Delete the job, and return once all that was known of it is gone but the fact itself."""

    async def gone() -> None:
        read = job.service.ledger.read
        assert await read.count(JOBS, {"_id": JOB}) == 0
        for collection in (NODES, REQUESTS, CANCELLATIONS):
            assert await read.count(collection, {"job_id": JOB}) == 0
        assert await read.count(TASKS, {"job_id": JOB, "kind": {"$ne": "forget_job"}}) == 0
        assert await read.count(FORGOTTEN, {"_id": JOB}) == 1

    await job.bus.send(JobDeleted(job_id=JOB, tenant="t"))
    await assert_eventually(gone, timeout_seconds=30)


def failed(job_id: str, request_id: str) -> WorkFailed:
    told = {"stage": "x", "code": "broken", "error_class": "permanent", "message": "too late"}
    return WorkFailed.model_validate({"job_id": job_id, "request_id": request_id, **told})


LATE: tuple[EventData, ...] = (
    failed(JOB, "job-1:late"),
    ReviewSubmitted(job_id=JOB, review_id="job-1:review:1", decision=Decision.APPROVE, submitted_at=NOON),
    JobCancellationRequested(job_id=JOB),
    JobContinuationRequested(job_id=JOB, request_id="late", kind=Continuation.RETRY),
    MetricsRegenerated(
        job_id=JOB,
        evaluation_id="late",
        node_id="job-1:node:0",
        metrics=blob("late"),
        names=("clear",),
        overlaps=(1.0,),
        chosen=0,
    ),
)


async def test_a_deleted_job_leaves_nothing_and_late_events_are_absorbed(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(budget={"wall_seconds": 9_000}))
        await job.ended()
        await forgotten(job)
        told = len(job.told())
        for late in LATE:
            await job.told_late(late)
        await job.bus.send(failed("job-unheard-of", "r"))
        [buried] = await records_of(settings, f"{topic_of(settings.namespace, WorkFailed.event_name)}.dlq", 1)
        remembered = await job.service.ledger.read.count(CANCELLATIONS, {})

    assert buried.key == b"job-unheard-of"
    assert remembered == 0
    assert len(job.told()) == told


async def test_a_job_that_was_deleted_is_not_begun_again_by_a_late_submission(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await forgotten(job)
        await job.submit(a_spec())
        await job.handled(JobSubmitted)
        rows = await job.service.ledger.read.count(JOBS, {})

    assert rows == 0
    assert not job.told()


async def test_a_job_that_is_deleted_while_it_runs_is_silent_from_then_on(settings: SearchSettings) -> None:
    async with play(settings, {WorkflowRequested: lambda _request, _workers: []}) as job:
        await job.submit(a_spec())
        await job.until(lambda: job.asked(WorkflowRequested))
        await forgotten(job)
        [held] = job.asked(WorkflowRequested)
        for answer in job.workers.usual(held):
            await job.told_late(answer)

    assert not job.bus.all(JobFinished)
    assert job.told()[-1].what == "node.requested"
