"""How sure a mean of few samples is: a percentile bootstrap (Efron, 1979), the same wherever it is computed. Pure.

With the 5-10 samples of an evaluation the interval is somewhat too narrow, as every bootstrap of so few is; it is there
to keep anyone from taking noise for progress, not to prove a difference.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from statistics import fmean

LEVEL = 0.95
RESAMPLES = 1_000
FEWEST = 2
_BYTES = 4

Interval = tuple[float, float]


def bootstrap_interval(values: Sequence[float], *, seed: str) -> Interval | None:
    """95 % confidence interval of the mean of ``values``; None where there are fewer than two.

    ``seed`` decides the resamples: equal values and seeds give equal intervals on every machine.
    """
    if len(values) < FEWEST:
        return None
    draws = _uniform(seed, RESAMPLES * len(values))
    means = sorted(
        fmean(values[draw % len(values)] for draw in draws[start : start + len(values)])
        for start in range(0, len(draws), len(values))
    )
    tail = (1 - LEVEL) / 2
    return means[math.floor(tail * RESAMPLES)], means[math.ceil((1 - tail) * RESAMPLES) - 1]


def overlap(one: Interval, other: Interval) -> bool:
    """Whether two intervals share a point."""
    return one[0] <= other[1] and other[0] <= one[1]


def _uniform(seed: str, count: int) -> tuple[int, ...]:
    """``count`` independent 32-bit numbers; the bias of taking them modulo a few hundred is below 1e-7."""
    return struct.unpack(f"<{count}I", hashlib.shake_256(seed.encode()).digest(_BYTES * count))
