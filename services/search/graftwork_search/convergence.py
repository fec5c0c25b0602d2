"""When to stop searching. Pure.

The paper stops when the top-3 scores are stable within 0.05 and does not say for how long; we ask for
``patience`` scored nodes in a row (AFlow: 5) that moved none of the sorted top-k by more than epsilon.
All children of one wave count together, so that nothing depends on which of them came first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from graftwork.contracts.jobs import SearchSpec

TOP = 3


class StopCode(StrEnum):
    """Why a search ended. The last two come from outside the tree and cannot be recomputed from it."""

    ITERATIONS = "iterations"
    CONVERGED = "converged"
    FAILURES = "failures"
    BUDGET = "budget"
    TIME = "time"


class Stop(BaseModel):
    """The end of a search, and one readable line."""

    code: StopCode
    message: str


@dataclass(frozen=True)
class Outcome:
    """How one node ended: its reward, where it was scored. ``interrupted``: that says nothing of the node."""

    reward: float | None
    interrupted: bool = False


Wave = Sequence[Outcome]


def decide(search: SearchSpec, waves: Sequence[Wave]) -> Stop | None:
    """Whether to stop after these waves, the first of which is the root alone; None: go on."""
    attempts = sum(len(wave) for wave in waves[1:])
    if attempts >= search.iterations:
        return Stop(code=StopCode.ITERATIONS, message=f"{search.iterations} iterations done")
    rewards = [[outcome.reward for outcome in wave if outcome.reward is not None] for wave in waves]
    if stable_nodes(rewards, epsilon=search.epsilon) >= search.patience:
        moved = f"the best three moved by at most {search.epsilon} for {search.patience} rounds"
        return Stop(code=StopCode.CONVERGED, message=f"converged: {moved}")
    if trailing_failures(waves) >= search.max_consecutive_failures:
        return Stop(code=StopCode.FAILURES, message=f"{search.max_consecutive_failures} attempts in a row failed")
    return None


def stable_nodes(waves: Sequence[Sequence[float]], *, epsilon: float, k: int = TOP) -> int:
    """Count the nodes scored since a wave last moved the sorted top ``k`` by more than ``epsilon``.

    ``waves``: rewards of the scored nodes. Nothing counts until ``k`` nodes were scored before.
    """
    stable = 0
    for last in range(len(waves) - 1, 0, -1):
        before, after = _best(waves[:last], k), _best(waves[: last + 1], k)
        if len(before) < k or max(abs(a - b) for a, b in zip(after, before, strict=True)) > epsilon:
            break
        stable += len(waves[last])
    return stable


def trailing_failures(waves: Sequence[Wave]) -> int:
    """Count the failed attempts since the last wave that scored a node; interrupted ones do not count."""
    failures = 0
    for wave in reversed(waves):
        if any(outcome.reward is not None for outcome in wave):
            break
        failures += sum(not outcome.interrupted for outcome in wave)
    return failures


def _best(waves: Sequence[Sequence[float]], k: int) -> list[float]:
    return sorted((reward for wave in waves for reward in wave), reverse=True)[:k]
