"""A job that ended goes on: with more rows (extend), or where it stopped (retry).

Everything is kept: the tree, the account, the rows accepted so far. Only what was on its way when the job ended
is asked for anew, under ids of the new run.
"""

from enum import StrEnum

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobResumed
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.kit.logging import get_logger
from graftwork_search.cancelling import cancelled_before
from graftwork_search.documents import JobDocument
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.ending import close_round
from graftwork_search.finalising import finish_search
from graftwork_search.iterating import next_iteration
from graftwork_search.opening import ask_for_seeds
from graftwork_search.producing import start_production
from graftwork_search.restarting import restart
from graftwork_search.restarting import restart_root
from graftwork_search.session import JobSession
from graftwork_search.timing import start_clocks
from graftwork_search.work import OpenJob

log = get_logger(__name__)


class Step(StrEnum):
    """Where a job goes on."""

    OPENING = "opening"
    SEEDS = "seeds"
    ROOT = "root"
    SEARCH = "search"
    PRODUCTION = "production"


def refusal(job: JobDocument, request: JobContinuationRequested) -> str | None:
    """Why the job does not go on; None: it does."""
    if request.request_id in job.continuations:
        return "this was asked before"
    if not job.state.terminal:
        return "the job has not ended"
    if job.preview:
        return "a preview is over"
    if request.kind is Continuation.RETRY:
        return "the job succeeded" if job.state is JobState.SUCCEEDED else None
    return _refused_extension(job, request.rows)


def _refused_extension(job: JobDocument, rows: int) -> str | None:
    if job.winner is None:
        return "no workflow has won yet"
    if not 0 < rows <= MAX_COUNT - job.wanted:
        return f"{rows} more rows are too few or too many"
    return None


def next_step(job: JobDocument, root: NodeDocument | None) -> Step:
    """What the job lacks first."""
    if job.spec is None:
        return Step.OPENING
    if job.space is None:
        return Step.SEEDS
    if job.winner is not None:
        return Step.PRODUCTION
    if root is None or root.state is not NodeState.SCORED:
        return Step.ROOT
    return Step.SEARCH


async def continuation_requested(session: JobSession, request: JobContinuationRequested) -> None:
    """Begin the next run of the job, if it can have one."""
    job = session.job
    refused = refusal(job, request)
    if refused is not None:
        log.warning("continuation.refused", request_id=request.request_id, kind=request.kind, reason=refused)
        return
    job.continuations.append(request.request_id)
    job.more_rows += request.rows if request.kind is Continuation.EXTEND else 0
    step = next_step(job, session.nodes[0] if session.nodes else None)
    _resume(session, f"run {job.run + 1}, asked to {request.kind}, begins with the {step}")
    if not await cancelled_before(session):
        await _go_on(session, step)


def _resume(session: JobSession, message: str) -> None:
    job = session.job
    job.run += 1
    job.ending = job.reason = None
    job.state, job.phase = JobState.RUNNING, JobPhase.INITIALISING
    if job.spec is not None:
        start_clocks(session)
    session.tx.emit(JobResumed(job_id=job.id, run=job.run))
    session.say("job.resumed", message)


async def _go_on(session: JobSession, step: Step) -> None:
    job = session.job
    match step:
        case Step.OPENING:
            session.tx.enqueue(OpenJob(job_id=job.id, request_id=session.own_id("open"), spec=job.spec_ref))
        case Step.SEEDS:
            await ask_for_seeds(session)
        case Step.ROOT:
            await restart_root(session)
        case Step.SEARCH:
            await _search_on(session)
        case Step.PRODUCTION:
            close_round(session)
            await start_production(session)


async def _search_on(session: JobSession) -> None:
    """Restart what was on its way; a search that was over has its finalists measured again."""
    job = session.job
    job.phase = JobPhase.SEARCHING
    if job.search_end is not None:
        for node in session.nodes:
            node.forget_final()
        job.finalists = []
        await finish_search(session, job.search_end)
        return
    interrupted = [node for node in session.nodes if node.lost_by is LossCode.INTERRUPTED]
    await restart(session, interrupted)
    await next_iteration(session)
