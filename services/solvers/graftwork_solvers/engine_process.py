"""The engine as a process that the pod owns: heard, ended politely or at once, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import asynccontextmanager
from contextlib import suppress

from graftwork.kit.logging import get_logger
from graftwork_solvers import engine_guard
from graftwork_solvers.engine_words import Lines
from graftwork_solvers.engine_words import Memory
from graftwork_solvers.engine_words import level_of
from graftwork_solvers.errors import EngineGone

log = get_logger(__name__)

_CHUNK_BYTES = 65_536
_KILL_SECONDS = 10.0


class EngineProcess:
    """One life of an engine, its family of processes included. Somebody has to run ``hear``."""

    def __init__(self, guard: asyncio.subprocess.Process) -> None:
        self._guard = guard
        self._memory = Memory()
        self._silent = asyncio.Event()

    @property
    def pid(self) -> int:
        """Id of the guard, and of the process group."""
        return self._guard.pid

    @property
    def last_words(self) -> str:
        """What it complained of last, in one line; empty if it said nothing."""
        return self._memory.reason()

    async def hear(self) -> None:
        """Pass all it says on to our log, until it falls silent for good."""
        lines, output = Lines(), self._guard.stdout
        try:
            while output is not None and (chunk := await output.read(_CHUNK_BYTES)):
                for line in lines.more(chunk):
                    self._note(line)
            if rest := lines.rest():
                self._note(rest)
        finally:
            self._silent.set()

    async def ended(self) -> str:
        """Wait until it has ended, all of it, and tell how in a sentence."""
        status = await self._guard.wait()
        self._kill_group_of_dead_guard()
        await self._silent.wait()
        reason = self.last_words
        return f"the engine ended with {_described(status)}" + (f": {reason}" if reason else "")

    async def stop(self, seconds: float) -> None:
        """Ask it to end, and wait; what is left after ``seconds`` dies as the block that started it is left."""
        with suppress(ProcessLookupError):
            self._guard.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._guard.wait()

    async def kill(self) -> None:
        """Kill all of it, and wait, bounded: a process that hangs in a driver is nobody's to wait for."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()  # the guard does the rest
        try:
            async with asyncio.timeout(_KILL_SECONDS):
                await self._guard.wait()
        except TimeoutError:
            log.warning("engine.lingers", pid=self.pid)
            self._kill_group()
        self._kill_group_of_dead_guard()

    def _note(self, line: str) -> None:
        self._memory.keep(line)
        getattr(log, level_of(line))("engine.said", line=line)

    def _kill_group_of_dead_guard(self) -> None:
        """Somebody may kill the guard; else there is no group left, and its number may be another's by now."""
        if self._guard.returncode is not None and self._guard.returncode < 0:
            self._kill_group()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


@asynccontextmanager
async def running_engine(
    command: Sequence[str], environment: Mapping[str, str], directory: str
) -> AsyncIterator[EngineProcess]:
    """Start an engine; leaving the block leaves nothing of it. Raises ``EngineGone`` if the machine is out of means.

    ``directory``: goes with the engine where the pod dies before it can remove it.
    """
    try:
        guard = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", engine_guard.__file__, directory, *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise EngineGone(f"the engine cannot be started: {error}") from error
    process = EngineProcess(guard)
    try:
        yield process
    finally:
        await process.kill()


def _described(status: int) -> str:
    number = -status if status < 0 else status - engine_guard.KILLED
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"status {status}"
