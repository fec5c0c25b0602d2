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
from pydantic_monty._binary import find_monty_binary

from graftwork_runner.chunk_run import run_chunk
from graftwork_runner.errors import SandboxDown
from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.session import MontySession
from graftwork_runner.session import checkout_options
from graftwork_runner.walls.enclosed import EnclosedProgram
from graftwork_runner.walls.enclosed import inherit_nothing
from graftwork_runner.walls.wall import ProcessLimits
from graftwork_runner.walls.wall import Wall

_HUNG_WORKER_SECONDS = 5.0
_EXIT_GRACE_SECONDS = 0.3
_WORKER_PROCESSES = 8  # it needs two threads; its launcher counts too
_WORKER_BYTES = 512 * 1024 * 1024
"""Address space of a worker beside its session's heap: the program, its stacks, the type checker."""

# A thread of the client library that wakes while the interpreter is being torn down aborts the process. It
# only needs the GIL once more, and gets it while we sleep.
atexit.register(time.sleep, _EXIT_GRACE_SECONDS)


class MontyRuntime:
    """A pool of worker processes, behind ``wall`` if there is one. ``binary``: the worker; default: the one installed.

    ``sessions_per_worker``: a worker is replaced after this many; 1, and none is ever used again.
    Raises ``WallDown`` if the worker cannot be shown behind the wall.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        processes: int,
        binary: Path | None = None,
        wall: Wall | None = None,
        sessions_per_worker: int = 500,
    ) -> None:
        self._limits = limits
        self._processes = processes
        self._busy = 0
        self._wall = wall
        self._enclosed = None if wall is None else _enclosed(wall, binary, limits)
        self._pool = AsyncMonty(
            binary_path=binary if self._enclosed is None else self._enclosed.path,
            max_processes=processes,
            request_timeout=limits.turn_seconds + _HUNG_WORKER_SECONDS,
            max_checkouts_per_worker=sessions_per_worker,
        )

    @property
    def walls(self) -> tuple[str, ...]:
        """The interpreter in its worker process, and what stands around that."""
        return ("monty",) if self._wall is None else ("monty", self._wall.name)

    async def start(self) -> None:
        """Start a worker, have it answer, and judge it. Raises ``SandboxDown``, ``WallDown``."""
        if self._enclosed is not None:
            inherit_nothing()
        try:
            await self._pool.__aenter__()
        except RuntimeError as error:
            raise _down(error) from error
        try:
            await self.ping()
            if self._enclosed is not None:
                await self._enclosed.prove()
        except (SandboxDown, WallDown) as error:
            await self.close()
            raise self._explained(error) from error

    async def close(self) -> None:
        """End the workers."""
        await self._pool.__aexit__(None, None, None)
        if self._enclosed is not None:
            self._enclosed.close()

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

    def _explained(self, error: SandboxDown | WallDown) -> SandboxDown | WallDown:
        """With what the launcher says, which is kept out of the log while workers run."""
        if self._enclosed is None or not (complaint := self._enclosed.complaint("--version")):
            return error
        return type(error)(f"{error} ({complaint})")

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


def _enclosed(wall: Wall, binary: Path | None, limits: Limits) -> EnclosedProgram:
    held_to = ProcessLimits(memory_bytes=limits.memory_bytes + _WORKER_BYTES, processes=_WORKER_PROCESSES)
    return EnclosedProgram(wall, Path(find_monty_binary(binary)), held_to)


def _down(error: Exception) -> SandboxDown:
    return SandboxDown(f"no sandbox worker can be started: {readable(str(error))}")
