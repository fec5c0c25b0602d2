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
from graftwork_search.budget import SEARCH_SHARE
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.ending import fail
from graftwork_search.errors import Reason
from graftwork_search.ranges import production_start
from graftwork_search.session import JobSession
from graftwork_search.timing import start_clock

MAX_REPAIRS = 3


async def begin(session: JobSession, spec: JobSpec) -> None:
    """Open the job: ask for the seed space. ``spec`` comes without the user's rows, which stay in the blob."""
    job = session.job
    if job.ending is not None or job.spec is not None:
        return
    job.spec, job.state, job.phase = spec, JobState.RUNNING, JobPhase.INITIALISING
    job.production.next_seed = production_start(spec.search)
    if spec.budget.wall_seconds is not None:
        start_clock(session, spec.budget.wall_seconds * SEARCH_SHARE, search_only=True)
        start_clock(session, spec.budget.wall_seconds, search_only=False)
    session.say("job.started", f"searching for a workflow that makes {spec.count} rows")
    asked = await session.request(Stage.SEEDS, SeedsRequested, key=(), seconds=session.settings.workflow_seconds)
    if not asked:
        await fail(session, Reason.BUDGET_EXHAUSTED, "the budget does not pay for the seed space")


async def seeds_proposed(session: JobSession, answer: SeedsProposed) -> None:
    """The seed space is known: ask for the root."""
    session.job.space = answer.space
    session.say("job.seeded", f"seed space of {answer.size} combinations")
    root = session.add(NodeDocument(id=derived_id(session.job.id, "node", 0), job_id=session.job.id, round=0))
    await ask_for_root(session, root, WorkflowKind.INITIAL)


async def ask_for_root(session: JobSession, root: NodeDocument, kind: WorkflowKind, trace: str | None = None) -> None:
    """Ask for the first workflow, or for one that repairs it."""
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
        space=session.job.space,
    )
    if not asked:
        await fail(session, Reason.BUDGET_EXHAUSTED, "nothing left to pay for the first workflow")
        return
    session.say("node.requested", "writing the first workflow" if not root.attempt else "repairing it", root)


async def repair_root(session: JobSession, root: NodeDocument, trace: str) -> None:
    """Try again with what went wrong; after three repairs the job has no runnable workflow."""
    if session.job.repairs >= MAX_REPAIRS:
        await fail(session, Reason.NO_RUNNABLE_WORKFLOW, f"after {MAX_REPAIRS} repairs: {trace}"[:500])
        return
    session.job.repairs += 1
    root.attempt += 1
    root.state = NodeState.REQUESTED
    await ask_for_root(session, root, WorkflowKind.REPAIR, trace)
