"""How a node ends, scored or lost, and what its ancestors learn from it (AutoSynth: backpropagation)."""

from collections.abc import Sequence

from graftwork.contracts.jobs import NodeState
from graftwork.contracts.workflows import Experience
from graftwork.kit.errors import GrantExhausted
from graftwork.kit.errors import InvalidAnswer
from graftwork_search.anchoring import wants_anchor
from graftwork_search.documents import LossCode
from graftwork_search.documents import NodeDocument
from graftwork_search.ending import fail
from graftwork_search.errors import Reason
from graftwork_search.iterating import BUDGET_USED_UP
from graftwork_search.iterating import next_iteration
from graftwork_search.opening import repair_root
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.session import JobSession

_ERROR_CHARS = 400


async def scored(session: JobSession, node: NodeDocument, reward: float) -> None:
    """All that the reward needs is in."""
    node.state, node.reward = NodeState.SCORED, reward
    _freeze_anchor(session, node)
    experience = _experience(session, node, after=reward, feedback=" ".join(node.suggestions[:2]))
    taught = _backpropagate(session, node, experience)
    session.say(
        "node.scored", f"iteration {node.round}: reward {reward:.2f}", node, experience=experience, taught=taught
    )
    await next_iteration(session)


async def lost(session: JobSession, node: NodeDocument, state: NodeState, error: str) -> None:
    """An attempt that brings no score still teaches its ancestors, and the search goes on."""
    node.state, node.error = state, error[:_ERROR_CHARS]
    experience = _experience(session, node, after=MINIMUM_REWARD, feedback=error)
    teaches = state in {NodeState.CRASHED, NodeState.DUPLICATE}
    taught = _backpropagate(session, node, experience) if teaches else []
    message = f"iteration {node.round}: {state}: {node.error.splitlines()[0]}"
    session.say(f"node.{state}", message, node, experience=experience, taught=taught)
    await next_iteration(session)


async def crashed(session: JobSession, node: NodeDocument, trace: str) -> None:
    """No sample came of it: the minimum for a child; the root is repaired."""
    if node.is_root:
        node.state, node.error = NodeState.CRASHED, trace[:_ERROR_CHARS]
        session.say("node.crashed", f"the first workflow crashed: {node.error.splitlines()[0]}", node)
        await repair_root(session, node, trace)
        return
    node.reward = MINIMUM_REWARD
    await lost(session, node, NodeState.CRASHED, trace)


async def attempt_failed(session: JobSession, node: NodeDocument, *, code: str, message: str) -> None:
    """A worker could not do its part for this node; the root cannot be spared, any other node can."""
    if node.state.ended:
        return
    if code == GrantExhausted.code:
        await out_of_budget(session, node)
        return
    state = NodeState.INVALID if code == InvalidAnswer.code else NodeState.FAILED
    if not node.is_root:
        await lost(session, node, state, f"{code}: {message}")
        return
    node.state, node.error = state, f"{code}: {message}"[:_ERROR_CHARS]
    session.say(f"node.{state}", f"the first workflow is {state}: {node.error.splitlines()[0]}", node)
    was_made = node.samples is not None
    await fail(session, Reason.SCORING_FAILED if was_made else Reason.NO_WORKFLOW, node.error)


async def out_of_budget(session: JobSession, node: NodeDocument) -> None:
    """Nothing is left for this node: its siblings end as they may, then the search does.

    Production goes on with its own part of the budget, if there is anything to produce from.
    """
    node.state, node.error, node.lost_by = NodeState.FAILED, BUDGET_USED_UP, LossCode.OUT_OF_BUDGET
    session.say("node.failed", f"iteration {node.round}: {node.error}", node)
    if not session.scored():
        await fail(session, Reason.BUDGET_EXHAUSTED, "before the first workflow was scored")
        return
    await next_iteration(session)


def _freeze_anchor(session: JobSession, node: NodeDocument) -> None:
    """The root's metrics become the anchor, unless the user gave one; its own score is then its anchor score."""
    job = session.job
    if not node.is_root or job.anchor_metrics is not None or not wants_anchor(session.spec.search):
        return
    job.anchor_metrics = node.metrics
    node.score_anchor, node.anchor_scores = node.score_sample, node.scores


def _experience(session: JobSession, node: NodeDocument, *, after: float, feedback: str) -> Experience | None:
    """What the node's modification did to its parent's reward; the root has no parent."""
    ancestors = session.ancestors(node)
    if not ancestors:
        return None
    return Experience(
        node_id=node.id,
        parent_id=str(node.parent_id),
        modification=node.modification or "",
        before=ancestors[0].reward or MINIMUM_REWARD,
        after=after,
        feedback=feedback[:_ERROR_CHARS],
    )


def _backpropagate(session: JobSession, node: NodeDocument, experience: Experience | None) -> Sequence[NodeDocument]:
    """Hand the experience to all ancestors, in order of age, and return these; their rewards stay as measured."""
    if experience is None:
        return []
    ancestors = session.ancestors(node)
    for ancestor in ancestors:
        ancestor.experiences.append(experience)
        ancestor.experiences.sort(key=lambda known: session.node(known.node_id).round)
        session.touch(ancestor)
    return ancestors
