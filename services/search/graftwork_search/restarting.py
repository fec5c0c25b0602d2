"""A node that was on its way when its job ended: a new attempt, with what the one before it brought."""

from collections.abc import Sequence

from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.workflows import FailureReason
from graftwork_search.attempts import out_of_budget
from graftwork_search.documents import NodeDocument
from graftwork_search.evaluating import ask_for_scores
from graftwork_search.evaluating import evaluate
from graftwork_search.iterating import ask_for_child
from graftwork_search.opening import ask_for_root
from graftwork_search.opening import plant_root
from graftwork_search.opening import repair_root
from graftwork_search.opening import revise_root
from graftwork_search.session import JobSession
from graftwork_search.showing import show


async def restart_root(session: JobSession) -> None:
    """Have the first workflow written, rewritten or repaired, or judged if there is one that runs."""
    if not session.nodes:
        await plant_root(session)
        return
    job, root = session.job, session.root
    job.repairs = 0
    if job.revision is not None:
        await revise_root(session, root)
    elif _crashed(root):
        await repair_root(session, root, root.error or "")
    else:
        _begin(root)
        await _go_on(session, root, parts=1)


async def restart(session: JobSession, nodes: Sequence[NodeDocument]) -> None:
    """Let all begin before any is asked for: one that cannot be paid for must not seem to be the last of its wave."""
    for node in nodes:
        _begin(node)
    for number, node in enumerate(nodes):
        await _go_on(session, node, parts=len(nodes) - number)


def _begin(node: NodeDocument) -> None:
    node.attempt += 1
    node.state, node.error, node.lost_by = NodeState.REQUESTED, None, None
    node.score_sample = node.score_workflow = None
    node.suggestions = []


async def _go_on(session: JobSession, node: NodeDocument, *, parts: int) -> None:
    if node.samples_ok:
        if not show(session, node):
            await ask_for_scores(session, node, parts=parts)
    elif node.workflow is not None:
        await evaluate(session, node, parts=parts)
    elif node.is_root:
        await ask_for_root(session, node, WorkflowKind.INITIAL)
    elif await ask_for_child(session, node, parts=parts):
        session.say("node.requested", f"iteration {node.round}: once more", node)
    else:
        await out_of_budget(session, node)


def _crashed(root: NodeDocument) -> bool:
    tried = root.samples is not None and not root.samples_ok
    return tried and set(root.samples_failed) != {FailureReason.GRANT_EXHAUSTED}
