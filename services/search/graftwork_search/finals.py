"""What the finalists' fresh measurements mean: their reward, its interval, and who won. Pure."""

from collections.abc import Sequence

from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork_search.documents import NodeDocument
from graftwork_search.interval import Interval
from graftwork_search.interval import bootstrap_interval
from graftwork_search.reward import MINIMUM_REWARD
from graftwork_search.reward import reward_of


def final_reward(spec: JobSpec, node: NodeDocument) -> float | None:
    """R from the fresh sample score; None where that was not measured. The workflow score does not hang on seeds."""
    return _reward(spec, node, node.final_sample_score)


def final_interval(spec: JobSpec, node: NodeDocument) -> Interval | None:
    """95 % bootstrap interval of the final reward over its samples; None where fewer than two were scored."""
    mean = bootstrap_interval(node.final_by_sample, seed=derived_id(spec.seed, "final", node.round))
    if mean is None:
        return None
    low, high = (_reward(spec, node, bound) for bound in mean)
    return None if low is None or high is None else (low, high)


def best_final(finalists: Sequence[NodeDocument]) -> NodeDocument | None:
    """Best by re-scored R; nodes that could not be measured again stand behind those that could."""
    measured = [node for node in finalists if node.final_reward is not None]
    return max(measured, key=lambda node: (node.final_reward or 0.0, node.reward or 0.0), default=None)


def runner_up(finalists: Sequence[NodeDocument], winner: NodeDocument) -> NodeDocument | None:
    """The best but for the winner."""
    return best_final([node for node in finalists if node.id != winner.id])


def _reward(spec: JobSpec, node: NodeDocument, sample: float | None) -> float | None:
    workflow = MINIMUM_REWARD if node.score_workflow is None else node.score_workflow
    return reward_of(spec.search.reward, sample=sample, workflow=workflow)
