"""How many calls at once an endpoint takes, found out by asking. Pure: no clock, no randomness.

Additive increase, multiplicative decrease (Chiu and Jain 1989; ``AIMDLimit`` of Netflix's concurrency-limits), with
what TCP added to it: slow start, one decrease per round, and a level that was refused is approached with patience (as
CUBIC does, RFC 9438, but counted in calls and not in seconds: calls to models take from 50 ms to minutes).
"""

import math

_BACK_OFF = 0.9
_FURTHEST = 0.5
_FIRST_PATIENCE = 4
_LONGEST_PATIENCE = 32


class Limit:
    """Between 1 and ``most`` calls, beginning with ``start``.

    A *round* is what was begun between two decreases: calls of a round that has ended say what is
    known already. ``began`` is the ``round`` in which a call was sent.
    """

    def __init__(self, start: int, most: int) -> None:
        self._most = most
        self._limit = float(min(start, most))
        self._floor = 1.0
        self._ceiling = math.inf
        self._fast = True
        self._patience = _FIRST_PATIENCE
        self._calm = 0
        self.round = 0

    @property
    def now(self) -> int:
        """Calls that may be under way."""
        return int(self._limit)

    def served(self, *, full: bool) -> None:
        """A call was answered. ``full``: as many were under way as may be; if not, it says nothing about more."""
        if not full:
            return
        if self._fast:
            self._grow(1.0)
        elif self.now + 1 < self._ceiling:
            self._grow(1.0 / self._limit)
        else:
            self._wait_and_try()

    def refused(self, *, began: int, others: int) -> None:
        """The endpoint was full, with ``others`` under way beside this call."""
        if began == self.round:
            self._next_round()
            self._limit *= _BACK_OFF
        # All that are refused in one burst lead to the level at which the rest goes on, but never below a half.
        self._limit = max(self._floor, min(self._limit, others))
        self._ceiling = self.now + 1

    def queued(self, *, inside: int, room: int) -> None:
        """Calls wait in the endpoint, which has room for so many of the ``inside`` that it was given.

        It counts only while as many are inside as may be: before an earlier decrease has shown, or
        while fewer ask, it says nothing new.
        """
        if inside == self.now:
            self.refused(began=self.round, others=room)

    def slowed(self, *, began: int) -> None:
        """Calls take much longer than they used to: the endpoint queues what it does not refuse."""
        if began == self.round:
            self._next_round()
            self._limit = max(self._floor, self._limit * _BACK_OFF)

    def _wait_and_try(self) -> None:
        """Try the level that was refused, after ``patience`` rounds; having held it for one, believe in it."""
        self._calm += 1
        trying = self.now >= self._ceiling
        if self._calm < self.now * (1 if trying else self._patience):
            return
        self._calm = 0
        if trying:
            self._ceiling, self._patience = math.inf, _FIRST_PATIENCE
        else:
            self._grow(1.0)

    def _next_round(self) -> None:
        tried = self.now >= self._ceiling
        self._patience = min(2 * self._patience, _LONGEST_PATIENCE) if tried else _FIRST_PATIENCE
        self._floor = max(1.0, self._limit * _FURTHEST)
        self._fast = False
        self._calm = 0
        self.round += 1

    def _grow(self, step: float) -> None:
        self._limit = min(self._most, self._limit + step)
