"""The bound on what a pod does at once."""

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager

from graftwork.kit.errors import Overloaded
from graftwork_solvers import metrics


class Gate:
    """At most ``limit`` calls inside and ``queue_length`` waiting, first come, first served.

    A caller whose deadline passes while it waits is cancelled here, and so never reaches the endpoint.
    """

    def __init__(
        self,
        limit: int,
        queue_length: int,
        *,
        retry_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = asyncio.Semaphore(limit)
        self._queue_length = queue_length
        self._retry_seconds = retry_seconds
        self._monotonic = monotonic
        self._waiting = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Hold a place; gives the seconds waited for it. Raises ``Overloaded`` when the queue is full."""
        queued_at = self._monotonic()
        await self._enter()
        metrics.IN_FLIGHT.inc()
        try:
            yield self._monotonic() - queued_at
        finally:
            metrics.IN_FLIGHT.dec()
            self._places.release()

    async def _enter(self) -> None:
        if self._places.locked() and self._waiting >= self._queue_length:
            raise Overloaded(
                f"this pod is full: {self._waiting} calls wait already", retry_after_seconds=self._retry_seconds
            )
        self._waiting += 1
        metrics.WAITING.inc()
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
            metrics.WAITING.dec()
