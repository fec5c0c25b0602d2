"""The runtime ``monty``: workflows in sessions of Monty worker processes.

One session serves a workflow and a chunk of seeds, side by side. What the code raises is caught inside
and costs one seed. What nobody can catch (time, memory, a dead worker) ends the session: the seeds
without an outcome then run again in fresh sessions, half of them at a time, until the culprit is alone.
Answers are remembered, so this costs no model call.
"""

import atexit
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_monty import AsyncMonty
from pydantic_monty import MontyError

from graftwork_runner.chunk_run import run_chunk
from graftwork_runner.errors import SandboxDown
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.session import MontySession
from graftwork_runner.session import checkout_options

_HUNG_WORKER_SECONDS = 5.0
_SESSIONS_PER_WORKER = 500
_EXIT_GRACE_SECONDS = 0.3

# A thread of the client library that wakes while the interpreter is being torn down aborts the process. It
# only needs the GIL once more, and gets it while we sleep.
atexit.register(time.sleep, _EXIT_GRACE_SECONDS)


class MontyRuntime:
    """A pool of worker processes. ``binary``: the worker or a wrapper around it; default: the one installed."""

    def __init__(self, limits: Limits, *, processes: int, binary: Path | None = None) -> None:
        self._limits = limits
        self._processes = processes
        self._busy = 0
        self._pool = AsyncMonty(
            binary_path=binary,
            max_processes=processes,
            request_timeout=limits.turn_seconds + _HUNG_WORKER_SECONDS,
            max_checkouts_per_worker=_SESSIONS_PER_WORKER,
        )

    @property
    def walls(self) -> tuple[str, ...]:
        """The interpreter in its worker process is the only one so far."""
        return ("monty",)

    async def start(self) -> None:
        """Start a worker and have it answer. Raises ``SandboxDown``."""
        try:
            await self._pool.__aenter__()
        except RuntimeError as error:
            raise _down(error) from error
        await self.ping()

    async def close(self) -> None:
        """End the workers."""
        await self._pool.__aexit__(None, None, None)

    async def ping(self) -> None:
        """Prove that a worker answers; a pool whose workers are all busy does. Raises ``SandboxDown``."""
        if self._busy < self._processes:
            async with self._checkout(1, "ping") as session:
                try:
                    await session.ping()
                except MontyError as error:
                    raise _down(error) from error

    async def run(self, chunk: Chunk, ask: AskModel) -> ChunkResult:
        """See ``Runtime``."""
        return await run_chunk(chunk, ask, self._limits, self._checkout)

    @asynccontextmanager
    async def _checkout(self, seeds: int, entropy: str) -> AsyncIterator[MontySession]:
        self._busy += 1
        try:
            async with AsyncExitStack() as stack:
                checkout = self._pool.checkout(**checkout_options(self._limits, seeds, entropy))
                try:
                    session = await stack.enter_async_context(checkout)
                except (RuntimeError, MontyError) as error:
                    raise _down(error) from error
                yield MontySession(session, self._limits)
        finally:
            self._busy -= 1


def _down(error: Exception) -> SandboxDown:
    return SandboxDown(f"no sandbox worker can be started: {readable(str(error))}")
