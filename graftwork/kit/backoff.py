"""How long to wait before the next try."""

import random


def backoff_seconds(
    attempt: int, *, base_seconds: float, cap_seconds: float, at_least_seconds: float | None = None
) -> float:
    """Full jitter over a doubling window (attempt 1: ``base_seconds``), never below what was asked for."""
    window = min(cap_seconds, base_seconds * 2 ** min(attempt - 1, 30))
    wait = random.uniform(window / 2, window)  # noqa: S311 - spreads retries, protects nothing
    return max(wait, at_least_seconds or 0.0)
