"""Errors of the evaluator.

PermanentError
  x NothingToJudge            the evaluation has no sample to look at
  x TooFewScored              more than half of the samples could not be scored
"""

from graftwork.kit.errors import PermanentError


class NothingToJudge(PermanentError):
    """The evaluation has no sample to look at."""

    code = "nothing_to_judge"


class TooFewScored(PermanentError):
    """More than half of the samples could not be scored: their mean would say little of the batch."""

    code = "too_few_scored"

    def __init__(self, unscored: int, good: int) -> None:
        super().__init__(f"{unscored} of {good} samples could not be scored: no valid answer after repairs")
        self.unscored = unscored
        self.good = good
