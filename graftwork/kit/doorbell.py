"""A bell that rings inside one process: wakes a loop before its next poll."""

import asyncio
import contextlib


class Doorbell:
    """Counts rings, so that a ring between two waits is never lost."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter, now or at its next wait."""
        self._event.set()

    async def wait(self, at_most_seconds: float) -> None:
        """Return at a ring, or after ``at_most_seconds``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_seconds):
                await self._event.wait()
        self._event.clear()
