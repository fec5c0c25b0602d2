"""The runtime ``cpython``: the whole language, in processes that serve one session each and are never used again.

A process may be told anything by the code that ran in it, so none is handed on. Starting one takes a while, so some
are kept ready.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import suppress
from math import ceil
from pathlib import Path

from graftwork_runner.chunk_run import run_chunk
from graftwork_runner.cpython.process import WorkerProcess
from graftwork_runner.cpython.session import CPythonSession
from graftwork_runner.cpython.tree import Tree
from graftwork_runner.cpython.tree import ensure_tree
from graftwork_runner.errors import SandboxDown
from graftwork_runner.errors import WallDown
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.walls.proof import echoing
from graftwork_runner.walls.refusals import refusals_told
from graftwork_runner.walls.wall import ProcessLimits
from graftwork_runner.walls.wall import Wall

_INTERPRETER_BYTES = 64 * 1024 * 1024
_START_CPU_SECONDS = 10
_LAUNCHERS_AND_THREADS = 8
_OPEN_FILES = 32
_ECHO = "import os; os.write(1, os.read(0, 64)); os.read(0, 1)"


class CPythonRuntime:
    """At most ``processes`` sessions at once, behind ``wall``; ``spares`` processes wait for the next ones.

    ``home``: directory for the interpreter's tree, which others can read. ``wheels``: what workflows may import
    beside the standard library.
    """

    def __init__(
        self, limits: Limits, *, wall: Wall, home: Path, processes: int, spares: int = 1, wheels: Sequence[Path] = ()
    ) -> None:
        self._limits = limits
        self._wall = wall
        self._home = home
        self._wheels = wheels
        self._processes = processes
        self._room = asyncio.Semaphore(processes)
        self._spares_wanted = spares
        self._spares: deque[WorkerProcess] = deque()
        self._command: tuple[str, ...] = ()

    @property
    def walls(self) -> tuple[str, ...]:
        """The second wall alone: CPython itself holds nobody back."""
        return (self._wall.name,)

    async def start(self) -> None:
        """Lay out the interpreter, judge it behind its wall, start a worker and have it answer.

        Raises ``SandboxDown``.
        """
        self._command = await asyncio.to_thread(self._prepared)
        try:
            await self.ping()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the processes that wait; those at work end with their sessions."""
        self._spares_wanted = 0
        while self._spares:
            await self._spares.pop().close()

    async def ping(self) -> None:
        """See ``Runtime``."""
        if not self._room.locked():
            self._spares.appendleft(await self._greeted())

    async def run(self, chunk: Chunk, ask: AskModel) -> ChunkResult:
        """See ``Runtime``."""
        return await run_chunk(chunk, ask, self._limits, self._checkout)

    @asynccontextmanager
    async def _checkout(self, seeds: int, entropy: str) -> AsyncIterator[CPythonSession]:
        async with self._room:
            worker = await self._greeted()
            try:
                with suppress(SandboxDown):  # this session has its worker; the next one will be told, if it still is so
                    await self._make_ready(self._spares_wanted)
                yield CPythonSession(worker, self._limits, seeds, entropy)
            finally:
                await worker.close()

    async def _greeted(self) -> WorkerProcess:
        """Return a worker that answers: a spare one unless it is dead, or a new one."""
        while True:
            last = not self._spares
            await self._make_ready(1)
            worker = self._spares.popleft()
            try:
                await worker.greet()
            except SandboxDown:
                await worker.close()
                if last:
                    raise
            except BaseException:
                self._spares.appendleft(worker)  # whoever waited has gone; the next one waits less
                raise
            else:
                return worker

    async def _make_ready(self, spares: int) -> None:
        """Start spares; they become ready while nobody waits for them."""
        while len(self._spares) < spares:
            self._spares.append(await WorkerProcess.start(self._command))

    def _prepared(self) -> tuple[str, ...]:
        """Command of a worker; it is always the same."""
        limits = self._limits
        room = ProcessLimits(
            memory_bytes=limits.memory_bytes + _INTERPRETER_BYTES,
            processes=_LAUNCHERS_AND_THREADS,
            open_files=_OPEN_FILES,
            cpu_seconds=_START_CPU_SECONDS + ceil(limits.sample_seconds * limits.session_seeds),
        )
        try:
            with refusals_told():
                tree = ensure_tree(self._home, self._wheels)
                self._prove(tree, room)
                return self._wall.command(tree.argv, readable=[tree.root], limits=room)
        except WallDown as error:
            raise SandboxDown(f"the runtime cpython does not work behind {self._wall.name}: {error}") from error

    def _prove(self, tree: Tree, room: ProcessLimits) -> None:
        """Judge the interpreter behind the wall before it gets code to run. Raises ``WallDown``."""
        with echoing(self._wall.command(tree.running(_ECHO), readable=[tree.root], limits=room)) as launcher:
            faults = self._wall.faults(launcher, room)
        if faults:
            raise WallDown(f"it is not held: {'; '.join(faults)}")
