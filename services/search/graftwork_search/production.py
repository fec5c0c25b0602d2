"""How many candidates to ask for next. Pure."""

import math
from collections.abc import Iterator

from graftwork_search.ranges import SeedRange

HEADROOM = 1.05
FEWEST = 2


def candidates_wanted(*, short: int, accepted: int, judged: int, left: int) -> int:
    """Candidates for the next round: the shortfall over the acceptance rate seen so far.

    ``judged`` candidates brought ``accepted`` rows; ``left`` of the candidate budget remain. The first
    round assumes that all are accepted; a rate of zero is taken as one more than was tried.
    """
    if short <= 0 or left <= 0:
        return 0
    if not judged:
        return min(left, short)
    rate = accepted / judged if accepted else 1 / (judged + 1)
    return min(left, max(FEWEST, math.ceil(short / rate * HEADROOM)))


def chunks(first: int, count: int, *, size: int) -> Iterator[SeedRange]:
    """Cut [first, first + count) into ranges of at most ``size``."""
    for start in range(first, first + count, size):
        yield SeedRange(start, min(size, first + count - start))
