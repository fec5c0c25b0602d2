"""How a job ends: stopping, publishing what there is, and the last word."""

from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Lineage
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork_search.documents import Ending
from graftwork_search.documents import JobDocument
from graftwork_search.documents import LossCode
from graftwork_search.documents import Stage
from graftwork_search.errors import Reason
from graftwork_search.session import JobSession
from graftwork_search.timing import stop_clocks

STOPPED = "stopped"
_PATH_SHOWN = 40


async def stop(session: JobSession, ending: Ending) -> None:
    """Let nothing new begin; end once everything granted has come back."""
    job = session.job
    if job.ending is not None or job.state.terminal:
        return
    job.ending, job.phase = ending, JobPhase.STOPPING
    if job.review is not None:
        job.review, job.state = None, JobState.RUNNING
    session.tx.emit(JobStopping(job_id=job.id, outcome=ending.outcome, reason=ending.reason, run=job.run))
    session.say("job.stopping", f"stopping: {ending.detail or ending.reason}")
    await when_quiet(session)


async def fail(session: JobSession, reason: Reason, detail: str = "") -> None:
    """Stop because it cannot succeed; what was accepted is published all the same."""
    await stop(session, Ending(outcome=JobState.FAILED, reason=reason, detail=detail))


async def cancel(session: JobSession, detail: str) -> None:
    """Stop because a client asked for it."""
    await stop(session, Ending(outcome=JobState.CANCELLED, reason=Reason.CANCELLED, detail=detail))


async def when_quiet(session: JobSession) -> None:
    """Go on with the ending if no request is out."""
    ending, job = session.job.ending, session.job
    if ending is None or not session.quiet or job.state.terminal:
        return
    if job.production.accepted > _published_rows(job) and job.dataset_run != job.run:
        await publish(session, complete=job.production.accepted >= job.wanted)
    else:
        finish(session, ending)


async def publish(session: JobSession, *, complete: bool) -> None:
    """Ask for the dataset."""
    job = session.job
    job.phase, job.dataset_run = JobPhase.CURATING, job.run
    close_round(session)
    counts = session.counts()
    await session.request(
        Stage.DATASET,
        DatasetRequested,
        key=(),
        seconds=session.settings.curation_seconds,
        counts=counts,
        complete=complete,
        lineage=_lineage(session),
        spent=job.spent,
        space=job.space,
    )
    session.say("job.curating", f"publishing {counts.accepted} rows")


async def published(session: JobSession, answer: DatasetPublished) -> None:
    """The dataset can be read: the job has succeeded, or ends as it was going to, once all grants are back."""
    job = session.job
    job.dataset = answer.dataset
    job.ending = job.ending or Ending(outcome=JobState.SUCCEEDED, reason=Reason.COMPLETED)
    await when_quiet(session)


async def unpublished(session: JobSession, detail: str) -> None:
    """There will be no dataset: the job has failed, or ends as it was going to, once all grants are back."""
    job = session.job
    job.ending = job.ending or Ending(outcome=JobState.FAILED, reason=Reason.CURATION_FAILED, detail=detail)
    await when_quiet(session)


def finish(session: JobSession, ending: Ending) -> None:
    """Say the last word, after one for every node that will not end any more."""
    for node in session.nodes:
        if not node.state.ended:
            node.state, node.error, node.lost_by = NodeState.FAILED, "the job ended first", LossCode.INTERRUPTED
            session.say("node.failed", f"iteration {node.round}: {node.error}", node)
    say_last_word(session, ending)


def say_last_word(session: JobSession, ending: Ending) -> None:
    """Nothing of this job will change any more, unless it is asked to go on."""
    job = session.job
    job.state, job.phase, job.reason = ending.outcome, JobPhase.ENDED, ending.reason
    if ending.detail:
        job.reason = f"{ending.reason}: {ending.detail}"
    stop_clocks(session)
    session.say_finished()


def close_round(session: JobSession) -> None:
    """Count what an unfinished production round leaves behind as failed, so that the numbers add up."""
    production = session.job.production
    if production.current is None:
        return
    unjudged = sum(chunk.count for chunk in production.current.chunks if chunk.samples is not None)
    if unjudged:
        production.failed[STOPPED] = production.failed.get(STOPPED, 0) + unjudged
    production.current = None


def _published_rows(job: JobDocument) -> int:
    return job.dataset.rows if job.dataset else 0


def _lineage(session: JobSession) -> Lineage:
    winner = session.best()
    if winner is None:
        return Lineage(winner_node_id=None, workflow=None, reward=None, path=())
    path = [*reversed(session.ancestors(winner)), winner]
    return Lineage(
        winner_node_id=winner.id,
        workflow=winner.workflow,
        reward=winner.reward,
        path=tuple(_without_experiences(node.snapshot()) for node in path[-_PATH_SHOWN:]),
    )


def _without_experiences(node: NodeSnapshot) -> NodeSnapshot:
    return node.model_copy(update={"experiences": (), "suggestions": ()})
