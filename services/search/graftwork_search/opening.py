"""How a job begins: its seed space, then its root."""

from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Revision
from graftwork_search.documents import Stage
from graftwork_search.ending import fail
from graftwork_search.errors import Reason
from graftwork_search.ranges import production_start
from graftwork_search.session import JobSession
from graftwork_search.timing import start_clocks

MAX_REPAIRS = 3
_DOING = {
    WorkflowKind.INITIAL: "writing",
    WorkflowKind.REPAIR: "repairing",
    WorkflowKind.REVISE: "revising",
}


async def begin(session: JobSession, spec: JobSpec) -> None:
    """Open the job: ask for the seed space. ``spec`` comes without the user's rows, which stay in the blob."""
    job = session.job
    if job.ending is not None or job.spec is not None:
        return
    job.spec, job.state, job.phase = spec, JobState.RUNNING, JobPhase.INITIALISING
    job.production.next_seed = production_start(spec.search)
    start_clocks(session)
    session.say("job.started", f"searching for a workflow that makes {job.wanted} rows")
    await ask_for_seeds(session)


async def ask_for_seeds(session: JobSession) -> None:
    """Ask for the seed space."""
    asked = await session.request(Stage.SEEDS, SeedsRequested, key=(), seconds=session.settings.workflow_seconds)
    if not asked:
        await fail(session, Reason.BUDGET_EXHAUSTED, "the budget does not pay for the seed space")


async def seeds_proposed(session: JobSession, answer: SeedsProposed) -> None:
    """The seed space is known: ask for the root."""
    session.job.space = answer.space
    session.say("job.seeded", f"seed space of {answer.size} combinations")
    await plant_root(session)


async def plant_root(session: JobSession) -> None:
    """Begin the tree."""
    root = session.add(NodeDocument(id=derived_id(session.job.id, "node", 0), job_id=session.job.id, round=0))
    await ask_for_root(session, root, WorkflowKind.INITIAL)


async def ask_for_root(
    session: JobSession,
    root: NodeDocument,
    kind: WorkflowKind,
    *,
    trace: str | None = None,
    revision: Revision | None = None,
) -> None:
    """Ask for the first workflow, or for one that repairs it, or does what a reviewer wants."""
    root.state, root.error, root.lost_by = NodeState.REQUESTED, None, None
    asked = await session.request(
        Stage.WORKFLOW,
        WorkflowRequested,
        key=(root.round, root.attempt),
        seconds=session.settings.workflow_seconds,
        node_id=root.id,
        kind=kind,
        parent=root.workflow,
        parent_node_id=root.id if root.workflow else None,
        trace=trace,
        feedback=revision.feedback if revision else None,
        samples=revision.samples if revision else None,
        space=session.job.space,
    )
    if not asked:
        await fail(session, Reason.BUDGET_EXHAUSTED, "nothing left to pay for the first workflow")
        return
    session.say("node.requested", f"{_DOING[kind]} the first workflow", root)


async def repair_root(session: JobSession, root: NodeDocument, trace: str) -> None:
    """Try again with what went wrong; after three repairs the job has no runnable workflow.

    A preview of the user's own workflow is there to tell whether it runs: it is not repaired.
    """
    most = 0 if session.job.preview and not session.spec.search.initial.by_optimizer else MAX_REPAIRS
    if session.job.repairs >= most:
        await fail(session, Reason.NO_RUNNABLE_WORKFLOW, f"after {most} repairs: {trace}"[:500])
        return
    session.job.repairs += 1
    root.attempt += 1
    await ask_for_root(session, root, WorkflowKind.REPAIR, trace=trace)


async def revise_root(session: JobSession, root: NodeDocument) -> None:
    """Have the first workflow rewritten as its reviewer wants; what comes may be repaired as often as the one before.

    Its samples are the reviewer's business now, and no longer those of the workflow to come.
    """
    revision = session.job.revision
    if revision is None:
        raise ValueError(f"nothing is to be revised in job {session.job.id}")
    session.job.repairs = 0
    root.attempt += 1
    root.feedback = revision.feedback
    root.samples, root.samples_ok, root.samples_failed, root.checks = None, 0, {}, {}
    await ask_for_root(session, root, WorkflowKind.REVISE, revision=revision)
