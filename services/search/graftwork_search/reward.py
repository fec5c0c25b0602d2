"""The hybrid reward (AutoSynth, section 3.3): R = 0.5 * sample score + 0.5 * workflow score. Pure."""

from graftwork.contracts.workflows import MAXIMUM_SCORE
from graftwork.contracts.workflows import MINIMUM_SCORE

SAMPLE_WEIGHT = 0.5
WORKFLOW_WEIGHT = 0.5
MINIMUM_REWARD = MINIMUM_SCORE


def hybrid_reward(score_sample: float, score_workflow: float) -> float:
    """R on the 1-5 scale of its parts. Raises ``ValueError`` for scores off the scale."""
    for score in (score_sample, score_workflow):
        if not MINIMUM_SCORE <= score <= MAXIMUM_SCORE:
            raise ValueError(f"score {score} is not between {MINIMUM_SCORE} and {MAXIMUM_SCORE}")
    return SAMPLE_WEIGHT * score_sample + WORKFLOW_WEIGHT * score_workflow
