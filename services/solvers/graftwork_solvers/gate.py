"""The bound on what a pod does at once."""

import asyncio
import time
from collections import defaultdict
from collections import deque
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextlib import suppress
from dataclasses import dataclass

from graftwork.kit.errors import Overloaded
from graftwork_solvers import metrics
from graftwork_solvers.limit import Limit
from graftwork_solvers.pace import Pace


@dataclass
class Place:
    """A call's place at the endpoint, and the seconds waited for it."""

    queue_seconds: float
    round: int
    slowed: bool = False


class Gate:
    """As many calls inside as ``limit`` says, and ``queue_length`` waiting, first come, first served.

    It tells the limit what becomes of them: an ``Overloaded`` that leaves a place was the endpoint's.
    Other failures and calls given up say nothing about how much it takes. A caller whose deadline
    passes while it waits is cancelled here, and so never reaches the endpoint.
    """

    def __init__(
        self,
        limit: Limit,
        queue_length: int,
        *,
        retry_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._queue_length = queue_length
        self._retry_seconds = retry_seconds
        self._monotonic = monotonic
        self._paces: defaultdict[str, Pace] = defaultdict(Pace)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._inside = 0
        metrics.LIMIT.set(limit.now)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Hold a place. Raises ``Overloaded`` when the queue is full."""
        queued_at = self._monotonic()
        await self._enter()
        metrics.IN_FLIGHT.inc()
        place = Place(self._monotonic() - queued_at, self._limit.round)
        try:
            yield place
        except Overloaded:
            metrics.REFUSED.inc()
            self._limit.refused(began=place.round, others=self._inside - 1)
            raise
        else:
            self._served(place)
        finally:
            metrics.IN_FLIGHT.dec()
            metrics.LIMIT.set(self._limit.now)
            self._inside -= 1
            self._let_in()

    def took(self, place: Place, model: str, seconds: float, tokens: int) -> None:
        """Take note of how long ``model`` took to write ``tokens``."""
        place.slowed = self._paces[model].slowed(seconds, tokens)

    @property
    def busy(self) -> bool:
        """Whether any call is at the endpoint."""
        return self._inside > 0

    def queued(self, room: int) -> None:
        """Take note that calls wait inside the endpoint, which has room for so many."""
        self._limit.queued(inside=self._inside, room=room)
        metrics.LIMIT.set(self._limit.now)

    def _served(self, place: Place) -> None:
        if place.slowed:
            self._limit.slowed(began=place.round)
        else:
            self._limit.served(full=self._inside >= self._limit.now)

    async def _enter(self) -> None:
        if self._inside < self._limit.now:
            self._inside += 1
            return
        if len(self._waiting) >= self._queue_length:
            raise Overloaded(
                f"this pod is full: {len(self._waiting)} calls wait already", retry_after_seconds=self._retry_seconds
            )
        await self._wait()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        metrics.WAITING.inc()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(turn)
            else:  # let in and given up in the same moment: the place goes to the next
                self._inside -= 1
                self._let_in()
            raise
        finally:
            metrics.WAITING.dec()

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._limit.now:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
