"""The search loop (AutoSynth, phase 1): select, refine, evaluate, backpropagate, stop."""

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.ids import stable_int
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.workflows import Experience
from graftwork.contracts.workflows import FailureReason
from graftwork.kit.errors import GrantExhausted
from graftwork.kit.errors import InvalidAnswer
from graftwork_search.convergence import stable_rounds
from graftwork_search.convergence import trailing_failures
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.ending import fail
from graftwork_search.errors import Reason
from graftwork_search.finalising import finish_search
from graftwork_search.opening import repair_root
from graftwork_search.ranges import evaluation_range
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.reward import hybrid_reward
from graftwork_search.selection import draw_parent
from graftwork_search.session import JobSession

_TICKET_BITS = 53
_SHOWN_EXPERIENCES = 20
_FEEDBACK_CHARS = 400
_NO_TRACE = "no sample was good, and the runner gave no trace"


async def next_iteration(session: JobSession) -> None:
    """Grow the tree by one node, or end the search."""
    reason = _why_stop(session)
    if reason is not None:
        await finish_search(session, reason)
        return
    session.job.phase = JobPhase.SEARCHING
    session.job.round += 1
    node = _graft(session)
    parent = session.node(str(node.parent_id))
    asked = await session.request(
        Stage.WORKFLOW,
        WorkflowRequested,
        key=(node.round, node.attempt),
        seconds=session.settings.workflow_seconds,
        node_id=node.id,
        kind=WorkflowKind.REFINE,
        parent=parent.workflow,
        parent_node_id=parent.id,
        parent_reward=parent.reward,
        experiences=tuple(parent.experiences[-_SHOWN_EXPERIENCES:]),
        suggestions=tuple(parent.suggestions),
        space=session.job.space,
    )
    if not asked:
        await _out_of_budget(session, node)
        return
    session.say("node.requested", f"iteration {node.round}: grafting on node {parent.round}", node)


async def workflow_proposed(session: JobSession, answer: WorkflowProposed) -> None:
    """A workflow came: refuse it if it is known, else make samples with it."""
    node = session.node(answer.node_id)
    twin = _twin(session, node, answer)
    node.workflow, node.workflow_sha256 = answer.workflow, answer.workflow_sha256
    node.shape_sha256, node.modification = answer.shape_sha256, answer.modification
    if twin is not None:
        feedback = f"this was tried before, as iteration {twin.round}; try something else"
        await _lost(session, node, NodeState.DUPLICATE, feedback)
        return
    await evaluate(session, node)


async def evaluate(session: JobSession, node: NodeDocument) -> None:
    """Ask for the evaluation batch of a node."""
    node.state = NodeState.SAMPLING
    seeds = evaluation_range(session.spec.search)
    asked = await session.request(
        Stage.EVALUATION,
        SamplesRequested,
        key=(node.round, node.attempt),
        seconds=session.settings.samples_seconds,
        node_id=node.id,
        purpose=Purpose.EVALUATION,
        workflow=node.workflow,
        space=session.job.space,
        first=seeds.first,
        count=seeds.count,
    )
    if not asked:
        await _out_of_budget(session, node)
        return
    session.say("node.sampling", f"iteration {node.round}: making {seeds.count} samples", node)


async def samples_generated(session: JobSession, answer: SamplesGenerated) -> None:
    """The evaluation batch is there: judge it, or note the crash without paying a judge."""
    node = session.node(answer.node_id)
    node.samples, node.samples_ok = answer.samples, answer.ok
    node.samples_failed, node.checks = dict(answer.failed), dict(answer.checks)
    if not answer.ok and set(answer.failed) == {FailureReason.GRANT_EXHAUSTED}:
        await _out_of_budget(session, node)
        return
    if not answer.ok:
        await _crashed(session, node, answer.trace or _NO_TRACE)
        return
    await ask_for_scores(session, node)


async def ask_for_scores(session: JobSession, node: NodeDocument) -> None:
    """Ask both judges, side by side."""
    node.state = NodeState.SCORING
    stages = ((ScoreComponent.SAMPLE, Stage.SCORE_SAMPLE), (ScoreComponent.WORKFLOW, Stage.SCORE_WORKFLOW))
    for left, (component, stage) in enumerate(stages):
        asked = await session.request(
            stage,
            ScoresRequested,
            key=(node.round, node.attempt),
            seconds=session.settings.scores_seconds,
            parts=len(stages) - left,
            evaluation_id=derived_id(node.id, "evaluation", node.attempt),
            node_id=node.id,
            component=component,
            workflow=node.workflow,
            samples=node.samples,
        )
        if not asked:
            await _out_of_budget(session, node)
            return
    session.say("node.scoring", f"iteration {node.round}: judging {node.samples_ok} samples", node)


def metrics_regenerated(session: JobSession, event: MetricsRegenerated) -> None:
    """The ruler of an evaluation is known; the last one will measure the finalists."""
    node = session.node(event.node_id)
    node.metrics, node.overlaps = event.metrics, list(event.overlaps)
    session.job.last_metrics = event.metrics
    session.say("metrics.regenerated", f"judging by: {', '.join(event.names)}"[:500], node)


async def scores_ready(session: JobSession, answer: ScoresReady) -> None:
    """One half of the reward; when both are in, the node is scored and the search goes on."""
    node = session.node(answer.node_id)
    if node.state is not NodeState.SCORING:
        return
    if answer.component is ScoreComponent.SAMPLE:
        node.score_sample, node.scores = answer.score, answer.matrix
        node.metrics = answer.metrics or node.metrics
    else:
        node.score_workflow, node.workflow_scores = answer.score, answer.matrix
    node.suggestions = [*node.suggestions, *answer.suggestions]
    session.touch(node)
    if node.score_sample is None or node.score_workflow is None:
        return
    node.state, node.reward = NodeState.SCORED, hybrid_reward(node.score_sample, node.score_workflow)
    _backpropagate(session, node, after=node.reward, feedback=" ".join(node.suggestions[:2]))
    session.say("node.scored", f"iteration {node.round}: reward {node.reward:.2f}", node)
    await next_iteration(session)


async def attempt_failed(session: JobSession, node: NodeDocument, *, code: str, message: str) -> None:
    """A worker could not do its part for this node; the root cannot be spared, any other node can."""
    if node.state.ended:
        return
    if code == GrantExhausted.code:
        await _out_of_budget(session, node)
        return
    state = NodeState.INVALID if code == InvalidAnswer.code else NodeState.FAILED
    if not node.is_root:
        await _lost(session, node, state, f"{code}: {message}")
        return
    node.state, node.error = state, f"{code}: {message}"[:_FEEDBACK_CHARS]
    session.say(f"node.{state}", f"the first workflow is {state}: {node.error.splitlines()[0]}", node)
    scored = node.samples is not None
    await fail(session, Reason.SCORING_FAILED if scored else Reason.NO_WORKFLOW, node.error)


def _graft(session: JobSession) -> NodeDocument:
    """Add a node under a parent drawn by a ticket that the job's seed decides."""
    search, number = session.spec.search, session.job.round
    ticket = stable_int(session.spec.seed, "parent", number, bits=_TICKET_BITS) / 2**_TICKET_BITS
    drawn = draw_parent(session.scored(), k=search.top_k, ticket=ticket)
    return session.add(
        NodeDocument(
            id=derived_id(session.job.id, "node", number),
            job_id=session.job.id,
            parent_id=drawn.node_id,
            round=number,
            parent_probabilities=dict(drawn.probabilities),
            ticket=ticket,
        )
    )


def _why_stop(session: JobSession) -> str | None:
    search = session.spec.search
    attempts = [node for node in session.nodes if not node.is_root]
    rewards = [candidate.reward for candidate in session.scored()]
    if len(attempts) >= search.iterations:
        return f"{search.iterations} iterations done"
    if stable_rounds(rewards, epsilon=search.epsilon) >= search.patience:
        return f"converged: the best three moved by at most {search.epsilon} for {search.patience} rounds"
    if trailing_failures([node.reward is not None and node.state == "scored" for node in attempts]) >= (
        search.max_consecutive_failures
    ):
        return f"{search.max_consecutive_failures} attempts in a row failed"
    return None


def _twin(session: JobSession, node: NodeDocument, answer: WorkflowProposed) -> NodeDocument | None:
    """A node with the same workflow, or a sibling made by the same words."""
    if node.is_root:
        return None
    words = _normal(answer.modification)
    for other in session.nodes:
        if other.id == node.id:
            continue
        same_words = other.parent_id == node.parent_id and _normal(other.modification or "") == words
        if other.shape_sha256 == answer.shape_sha256 or (same_words and words):
            return other
    return None


def _normal(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


async def _crashed(session: JobSession, node: NodeDocument, trace: str) -> None:
    if node.is_root:
        node.state, node.error = NodeState.CRASHED, trace[:_FEEDBACK_CHARS]
        session.say("node.crashed", f"the first workflow crashed: {node.error.splitlines()[0]}", node)
        await repair_root(session, node, trace)
        return
    node.reward = MINIMUM_REWARD
    await _lost(session, node, NodeState.CRASHED, trace)


async def _lost(session: JobSession, node: NodeDocument, state: NodeState, error: str) -> None:
    """An attempt that brings no score still teaches its ancestors, and the search goes on."""
    node.state, node.error = state, error[:_FEEDBACK_CHARS]
    if state in {NodeState.CRASHED, NodeState.DUPLICATE}:
        _backpropagate(session, node, after=MINIMUM_REWARD, feedback=error)
    session.say(f"node.{state}", f"iteration {node.round}: {state}: {node.error.splitlines()[0]}", node)
    await next_iteration(session)


def _backpropagate(session: JobSession, node: NodeDocument, *, after: float, feedback: str) -> None:
    """Append the experience to all ancestors; their rewards stay as measured."""
    ancestors = session.ancestors(node)
    if not ancestors:
        return
    experience = Experience(
        node_id=node.id,
        parent_id=str(node.parent_id),
        modification=node.modification or "",
        before=ancestors[0].reward or MINIMUM_REWARD,
        after=after,
        feedback=feedback[:_FEEDBACK_CHARS],
    )
    for ancestor in ancestors:
        ancestor.experiences.append(experience)
        session.touch(ancestor)


async def _out_of_budget(session: JobSession, node: NodeDocument) -> None:
    """The search's half is spent: production goes on with the rest, if there is anything to produce from."""
    node.state, node.error = NodeState.FAILED, "the search's share of the budget is used up"
    session.say("node.failed", f"iteration {node.round}: {node.error}", node)
    if not session.scored():
        await fail(session, Reason.BUDGET_EXHAUSTED, "before the first workflow was scored")
        return
    await finish_search(session, "the search's share of the budget is used up")
