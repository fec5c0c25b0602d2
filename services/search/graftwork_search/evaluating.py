"""One node's evaluation: its workflow comes, samples are made with it, and judges say what both are worth."""

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import MetricsMode
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.workflows import FailureReason
from graftwork_search.attempts import crashed
from graftwork_search.attempts import lost
from graftwork_search.attempts import out_of_budget
from graftwork_search.attempts import scored
from graftwork_search.documents import NodeDocument
from graftwork_search.documents import Stage
from graftwork_search.following import link_answers
from graftwork_search.ranges import evaluation_range
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.reward import components
from graftwork_search.reward import reward_of
from graftwork_search.session import JobSession
from graftwork_search.showing import show

_STAGES = {ScoreComponent.SAMPLE: Stage.SCORE_SAMPLE, ScoreComponent.WORKFLOW: Stage.SCORE_WORKFLOW}
_NO_TRACE = "no sample was good, and the runner gave no trace"


async def workflow_proposed(session: JobSession, answer: WorkflowProposed) -> None:
    """A workflow came: refuse it if it is known, else make samples with it."""
    node = session.node(answer.node_id)
    if node.state.ended:
        return
    session.job.revision = None  # if there was one, this is what it asked for
    twin = _twin(session, node, answer)
    node.workflow, node.workflow_sha256 = answer.workflow, answer.workflow_sha256
    node.shape_sha256, node.modification = answer.shape_sha256, answer.modification
    if twin is not None:
        feedback = f"this was tried before, as iteration {twin.round}; try something else"
        await lost(session, node, NodeState.DUPLICATE, feedback)
        return
    await evaluate(session, node)


async def evaluate(session: JobSession, node: NodeDocument, *, parts: int = 1) -> None:
    """Ask for the evaluation batch of a node, for one of ``parts`` shares of what is left."""
    node.state = NodeState.SAMPLING
    seeds = evaluation_range(session.spec.search)
    asked = await session.request(
        Stage.EVALUATION,
        SamplesRequested,
        key=(node.round, node.attempt),
        seconds=session.settings.samples_seconds,
        parts=parts,
        node_id=node.id,
        purpose=Purpose.EVALUATION,
        workflow=node.workflow,
        space=session.job.space,
        first=seeds.first,
        count=seeds.count,
    )
    if not asked:
        await out_of_budget(session, node)
        return
    session.say("node.sampling", f"iteration {node.round}: making {seeds.count} samples", node)


async def samples_generated(session: JobSession, answer: SamplesGenerated) -> None:
    """The evaluation batch is there: judge it, or note the crash without paying a judge."""
    node = session.node(answer.node_id)
    if node.state.ended:
        return
    node.samples, node.samples_ok = answer.samples, answer.ok
    node.samples_failed, node.checks, node.samples_refused = dict(answer.failed), dict(answer.checks), {}
    if not answer.ok and set(answer.failed) == {FailureReason.GRANT_EXHAUSTED}:
        await out_of_budget(session, node)
        return
    if not answer.ok:
        await crashed(session, node, answer.trace or _NO_TRACE)
        return
    if not show(session, node):
        await ask_for_scores(session, node)


async def ask_for_scores(session: JobSession, node: NodeDocument, *, parts: int = 1) -> None:
    """Ask the judges of the halves that the reward needs, side by side, for one of ``parts`` shares of what is left."""
    node.state = NodeState.SCORING
    needed = components(session.spec.search.reward)
    for left, component in enumerate(needed):
        asked = await session.request(
            _STAGES[component],
            ScoresRequested,
            key=(node.round, node.attempt),
            seconds=session.settings.scores_seconds,
            parts=len(needed) * parts - left,
            evaluation_id=_evaluation_id(node),
            node_id=node.id,
            component=component,
            workflow=node.workflow,
            samples=node.samples,
            **(_rulers(session, node) if component is ScoreComponent.SAMPLE else {}),
        )
        if not asked:
            await out_of_budget(session, node)
            return
    session.say("node.scoring", f"iteration {node.round}: judging {node.samples_ok} samples", node)


def metrics_regenerated(session: JobSession, event: MetricsRegenerated) -> None:
    """The ruler of an evaluation is known, and how it was chosen; what an earlier attempt was judged by is no news."""
    node = session.node(event.node_id)
    if event.evaluation_id != _evaluation_id(node):
        return
    node.metrics, node.metric_candidates = event.metrics, list(event.candidates)
    node.overlaps, node.overlap_measure = list(event.overlaps), event.measure
    node.chosen_candidate, node.dropped_metrics = event.chosen, dict(event.dropped)
    session.say("metrics.regenerated", f"judging by: {', '.join(event.names)}"[:500], node)


async def scores_ready(session: JobSession, answer: ScoresReady) -> None:
    """One half of the reward; when all that it needs is in, the node is scored and the search goes on."""
    node = session.node(answer.node_id)
    if node.state is not NodeState.SCORING:
        return
    if answer.component is ScoreComponent.SAMPLE:
        node.score_sample, node.scores, node.samples_refused = answer.score, answer.matrix, dict(answer.refused)
        node.score_anchor, node.anchor_scores = answer.anchor_score, answer.anchor_matrix
        node.metrics = answer.metrics or node.metrics
        node.suggestions = [*answer.suggestions, *node.suggestions]
    else:
        node.score_workflow, node.workflow_scores = answer.score, answer.matrix
        node.suggestions = [*node.suggestions, *answer.suggestions]
    session.touch(node)
    reward = reward_of(session.spec.search.reward, sample=node.score_sample, workflow=node.score_workflow)
    if reward is not None:
        await link_answers(session, *_STAGES.values(), node_id=node.id)
        await scored(session, node, reward if node.has_honest_sample else MINIMUM_REWARD)


def _evaluation_id(node: NodeDocument) -> str:
    return derived_id(node.id, "evaluation", node.attempt)


def _rulers(session: JobSession, node: NodeDocument) -> dict[str, BlobRef | None]:
    """The set to score by, where it is known already, and the one to score by for the log only."""
    fixed = session.spec.search.metrics is MetricsMode.FIXED and not node.is_root
    return {"metrics": session.root.metrics if fixed else None, "anchor": session.job.anchor_metrics}


def _twin(session: JobSession, node: NodeDocument, answer: WorkflowProposed) -> NodeDocument | None:
    """A node with the same workflow, or a sibling made by the same words; of one wave, the first to come counts."""
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
