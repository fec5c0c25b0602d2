"""What a node is worth (AutoSynth, 3.3): R = 0.5 * sample score + 0.5 * workflow score, or one half alone. Pure."""

from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.jobs import RewardKind
from graftwork.contracts.workflows import MAXIMUM_SCORE
from graftwork.contracts.workflows import MINIMUM_SCORE

SAMPLE_WEIGHT = 0.5
WORKFLOW_WEIGHT = 0.5
MINIMUM_REWARD = MINIMUM_SCORE
_COMPONENTS = {
    RewardKind.HYBRID: (ScoreComponent.SAMPLE, ScoreComponent.WORKFLOW),
    RewardKind.SAMPLE: (ScoreComponent.SAMPLE,),
    RewardKind.WORKFLOW: (ScoreComponent.WORKFLOW,),
}


def components(kind: RewardKind) -> tuple[ScoreComponent, ...]:
    """The halves that a reward needs; the others are neither asked for nor paid."""
    return _COMPONENTS[kind]


def reward_of(kind: RewardKind, *, sample: float | None, workflow: float | None) -> float | None:
    """R on the 1-5 scale of its parts; None while a part that it needs is missing.

    Raises ``ValueError`` for scores off the scale.
    """
    given = {ScoreComponent.SAMPLE: sample, ScoreComponent.WORKFLOW: workflow}
    needed = [score for component in components(kind) if (score := given[component]) is not None]
    if len(needed) < len(components(kind)):
        return None
    return _checked(needed[0]) if len(needed) == 1 else hybrid_reward(*needed)


def hybrid_reward(score_sample: float, score_workflow: float) -> float:
    """Mean of the two halves. Raises ``ValueError`` for scores off the scale."""
    return SAMPLE_WEIGHT * _checked(score_sample) + WORKFLOW_WEIGHT * _checked(score_workflow)


def _checked(score: float) -> float:
    if not MINIMUM_SCORE <= score <= MAXIMUM_SCORE:
        raise ValueError(f"score {score} is not between {MINIMUM_SCORE} and {MAXIMUM_SCORE}")
    return score
