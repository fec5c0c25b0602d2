"""The bound on what one process asks of a pool at once."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graftwork.kit.errors import DependencyDown


class Turns:
    """At most ``calls_per_pool`` calls under way to each pool; further ones wait, first come, first served.

    A pod refuses what is too much for it, but asking costs it time, and a process that asks for everything at once
    would take the places of all others.
    """

    def __init__(self, calls_per_pool: int) -> None:
        self._calls_per_pool = calls_per_pool
        self._pools: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(calls_per_pool))

    @asynccontextmanager
    async def turn(self, pool: str, *, longest_seconds: float) -> AsyncIterator[None]:
        """Hold a place. Raises ``DependencyDown`` where none becomes free in time."""
        places = self._pools[pool]
        if places.locked():
            await self._wait(places, pool, longest_seconds)
        else:
            await places.acquire()
        try:
            yield
        finally:
            places.release()

    async def _wait(self, places: asyncio.Semaphore, pool: str, longest_seconds: float) -> None:
        try:
            async with asyncio.timeout(longest_seconds):
                await places.acquire()
        except TimeoutError as error:
            raise DependencyDown(
                f"pool {pool!r} did not answer in time ({longest_seconds:.3g} s): "
                f"all {self._calls_per_pool} places that this process has there were taken"
            ) from error
