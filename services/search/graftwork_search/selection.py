"""Which node to graft on next (AutoSynth, section 3.2: top-3 by R, drawn in proportion to R). Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A scored node: its id and its reward, 1-5."""

    node_id: str
    reward: float


@dataclass(frozen=True)
class Draw:
    """A choice and the probabilities it was made with, in descending order of reward."""

    node_id: str
    probabilities: Mapping[str, float]


def top(candidates: Sequence[Candidate], k: int) -> list[Candidate]:
    """The ``k`` best, best first; of equals the older (earlier in the sequence) comes first."""
    return sorted(candidates, key=lambda candidate: -candidate.reward)[:k]


def draw_parent(candidates: Sequence[Candidate], *, k: int, ticket: float) -> Draw:
    """Draw among the top ``k`` with p_i = R_i / sum R. ``ticket`` in [0, 1) decides.

    Raises ``ValueError`` when there are no candidates.
    """
    best = top(candidates, k)
    if not best:
        raise ValueError("nothing to draw from")
    total = sum(candidate.reward for candidate in best)
    probabilities = {candidate.node_id: candidate.reward / total for candidate in best}
    reached = 0.0
    for node_id, probability in probabilities.items():
        reached += probability
        if ticket < reached:
            return Draw(node_id, probabilities)
    return Draw(best[-1].node_id, probabilities)
