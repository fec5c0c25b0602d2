"""Which node to graft on next. Pure.

``paper`` (AutoSynth, 3.2): the top k by R, drawn in proportion to R. On a scale of 1 to 5 that is close to a uniform
draw, which is why the entropy of every draw is told. ``soft_mixed`` (AFlow): the top k with the root always among them,
0.3 of a uniform draw and 0.7 of a softmax with sharpness 0.2 over scores of 0 to 100; R is mapped to that scale first.
"""

import math
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from graftwork.contracts.ids import stable_int
from graftwork.contracts.jobs import Selection
from graftwork.contracts.workflows import MAXIMUM_SCORE
from graftwork.contracts.workflows import MINIMUM_SCORE

UNIFORM_SHARE = 0.3
SHARPNESS = 0.2
SOFTMAX_SCALE = 100
_TICKET_BITS = 53


@dataclass(frozen=True)
class Candidate:
    """A scored node: its id and its reward, 1-5."""

    node_id: str
    reward: float
    is_root: bool = False


@dataclass(frozen=True)
class Draw:
    """A choice and the probabilities it was made with, in descending order of reward."""

    node_id: str
    probabilities: Mapping[str, float]

    @property
    def entropy_bits(self) -> float:
        """Shannon entropy: log2 of the number of candidates where the draw is uniform, 0 where it is certain."""
        return math.fsum(-p * math.log2(p) for p in self.probabilities.values() if 0 < p < 1)


def ticket_for(seed: int, number: int) -> float:
    """The number in [0, 1) that decides whose child the ``number``-th is."""
    return float(stable_int(seed, "parent", number, bits=_TICKET_BITS) / 2**_TICKET_BITS)


def top(candidates: Sequence[Candidate], k: int) -> list[Candidate]:
    """The ``k`` best, best first; of equals the older (earlier in the sequence) comes first."""
    return sorted(candidates, key=lambda candidate: -candidate.reward)[:k]


def draw_parent(
    candidates: Sequence[Candidate], *, k: int, ticket: float, selection: Selection = Selection.PAPER
) -> Draw:
    """Draw among at most ``k`` candidates; ``ticket`` in [0, 1) decides.

    Raises ``ValueError`` when there are no candidates.
    """
    if not candidates:
        raise ValueError("nothing to draw from")
    if selection is Selection.SOFT_MIXED:
        best = _with_root(candidates, k)
        weights = _soft_mixed([candidate.reward for candidate in best])
    else:
        best = top(candidates, k)
        weights = _in_proportion([candidate.reward for candidate in best])
    probabilities = {candidate.node_id: weight for candidate, weight in zip(best, weights, strict=True)}
    return Draw(_drawn(probabilities, ticket), probabilities)


def _with_root(candidates: Sequence[Candidate], k: int) -> list[Candidate]:
    """The top ``k``, the worst of which gives way to the root where that is not among them."""
    best = top(candidates, k)
    root = next((candidate for candidate in candidates if candidate.is_root), None)
    return best if root is None or root in best else [*best[: k - 1], root]


def _in_proportion(rewards: Sequence[float]) -> list[float]:
    total = sum(rewards)
    return [reward / total for reward in rewards]


def _soft_mixed(rewards: Sequence[float]) -> list[float]:
    scores = [SOFTMAX_SCALE * (reward - MINIMUM_SCORE) / (MAXIMUM_SCORE - MINIMUM_SCORE) for reward in rewards]
    weights = [math.exp(SHARPNESS * (score - max(scores))) for score in scores]
    total = sum(weights)
    return [UNIFORM_SHARE / len(weights) + (1 - UNIFORM_SHARE) * weight / total for weight in weights]


def _drawn(probabilities: Mapping[str, float], ticket: float) -> str:
    reached = 0.0
    for node_id, probability in probabilities.items():
        reached += probability
        if ticket < reached:
            return node_id
    return next(reversed(list(probabilities)))
