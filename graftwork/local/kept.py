"""A process that is started again when it ends."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from time import monotonic
from typing import NoReturn

from graftwork.local.errors import LocalServerError
from graftwork.local.errors import ServiceGaveUp
from graftwork.local.process import OwnedProcess
from graftwork.local.process import log_tail
from graftwork.local.server import Progress
from graftwork.local.server import silent
from graftwork.local.server import started

QUICK_DEATH_SECONDS = 30.0
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0)


class KeptProcess:
    """A process with a keeper.

    Args:
        process: what to start, and to start again.
        ready: whether it is of use.
        start_timeout_seconds: after which it has failed to become so.
        quick_death_seconds: a life shorter than this counts as a failure.
        backoff_seconds: waits after one failure, two in a row, ...; one more, and it is given up.
        on_progress: takes a line for every end and every start.
    """

    def __init__(
        self,
        process: OwnedProcess,
        ready: Callable[[], Awaitable[bool]],
        *,
        start_timeout_seconds: float,
        quick_death_seconds: float = QUICK_DEATH_SECONDS,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        on_progress: Progress = silent,
    ) -> None:
        self._process = process
        self._ready = ready
        self._start_timeout_seconds = start_timeout_seconds
        self._quick_death_seconds = quick_death_seconds
        self._backoff_seconds = backoff_seconds
        self._on_progress = on_progress
        self._runs = False
        self._born = 0.0

    @property
    def name(self) -> str:
        """Name of the process."""
        return self._process.name

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            LocalServerError: it cannot be had, this time.
        """
        self._born = monotonic()
        await started(self._process, self._ready, timeout_seconds=self._start_timeout_seconds)
        self._runs = True
        self._on_progress(f"{self.name} is ready")

    async def keep(self) -> NoReturn:
        """Start it again whenever it ends; to be cancelled before it is stopped.

        Raises:
            ServiceGaveUp: it failed too often in a row.
        """
        failures = 0
        while True:
            death = await self._next_death()
            quick = monotonic() - self._born < self._quick_death_seconds
            failures = failures + 1 if quick else 1
            if failures > len(self._backoff_seconds):
                raise ServiceGaveUp(self.name, failures, death, log_tail=log_tail(self._process.log_path)) from death
            wait_seconds = self._backoff_seconds[failures - 1]
            self._on_progress(f"{death}; starting it again in {wait_seconds:g} s")
            await asyncio.sleep(wait_seconds)

    async def stop(self) -> None:
        """Stop it."""
        self._runs = False
        await self._process.stop()

    async def _next_death(self) -> LocalServerError:
        try:
            if not self._runs:
                await self.start()
            await self._process.watch()
        except LocalServerError as death:
            await self.stop()  # what it left behind in its group
            return death
