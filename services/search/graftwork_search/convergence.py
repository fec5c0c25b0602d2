"""When to stop searching. Pure.

The paper stops when the top-3 scores are stable within 0.05 and does not say for how long; we ask for
``patience`` scored nodes in a row (AFlow: 5) that moved none of the sorted top-k by more than epsilon.
"""

from collections.abc import Sequence

TOP = 3


def stable_rounds(rewards: Sequence[float], *, epsilon: float, k: int = TOP) -> int:
    """Count how many of the last scored nodes left the sorted top ``k`` within ``epsilon``.

    ``rewards`` in the order they were measured. Nothing counts until ``k`` nodes were scored before.
    """
    stable = 0
    for scored in range(len(rewards), k, -1):
        before = sorted(rewards[: scored - 1], reverse=True)[:k]
        after = sorted(rewards[:scored], reverse=True)[:k]
        if max(abs(a - b) for a, b in zip(after, before, strict=True)) > epsilon:
            break
        stable += 1
    return stable


def trailing_failures(scored: Sequence[bool]) -> int:
    """Count the attempts since the last scored one; ``scored`` in the order of the attempts."""
    failures = 0
    for was_scored in reversed(scored):
        if was_scored:
            break
        failures += 1
    return failures
