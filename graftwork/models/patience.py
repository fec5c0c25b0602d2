"""How long to wait for a pool, and when to ask it again."""

import random
from collections.abc import Callable

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import RetryableError
from graftwork.kit.logging import get_logger

log = get_logger(__name__)

_LONGEST_SECONDS = 5.0
_SPREAD = 0.25


class Deadline:
    """The moment by which a pool has to have answered, ``seconds`` from now."""

    def __init__(self, pool: str, seconds: float, monotonic: Callable[[], float]) -> None:
        self.pool = pool
        self._seconds = seconds
        self._monotonic = monotonic
        self._until = monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; 0 or less once it has passed."""
        return self._until - self._monotonic()

    def passed(self) -> DependencyDown:
        """What to raise then."""
        return DependencyDown(f"pool {self.pool!r} did not answer in time ({self._seconds:.3g} s)")


class Patience:
    """Backoff hook for one call: given its error, seconds to wait before the next attempt, or False.

    What a pod tells us to wait is a lower bound, and none without word from it. On top of it comes a
    random wait below a cap that doubles ("full jitter"), or below a quarter of the bound where that is
    more, so that callers who were told the same do not return in the same moment. A wait that would
    end past the deadline is not begun.
    """

    def __init__(
        self,
        pool: str,
        *,
        remaining_seconds: Callable[[], float],
        unavailable_attempts: int,
        backoff_seconds: float,
        jitter: random.Random,
    ) -> None:
        self._pool = pool
        self._remaining_seconds = remaining_seconds
        self._attempts_left = unavailable_attempts
        self._cap_seconds = backoff_seconds
        self._jitter = jitter

    def __call__(self, error: Exception) -> bool | float:
        """Seconds to wait, or False to give up."""
        if not self._worth_trying(error):
            return False
        wait = self._wait(error)
        if wait >= self._remaining_seconds():
            return False
        log.info("pool.asked_again", pool=self._pool, wait_seconds=round(wait, 3), because=str(error))
        return wait

    def _worth_trying(self, error: Exception) -> bool:
        if isinstance(error, DependencyDown):
            self._attempts_left -= 1
            return self._attempts_left > 0
        return isinstance(error, Overloaded)

    def _wait(self, error: Exception) -> float:
        told = (error.retry_after_seconds or 0.0) if isinstance(error, RetryableError) else 0.0
        wait = told + self._jitter.uniform(0, max(self._cap_seconds, _SPREAD * told))
        self._cap_seconds = min(2 * self._cap_seconds, _LONGEST_SECONDS)
        return wait
