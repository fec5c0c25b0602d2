"""A child process that is owned: it is ready before it is used, watched while it is, and never left behind."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO
from typing import NoReturn
from typing import Self

from graftwork.local import exec_shim
from graftwork.local.errors import BinaryMissing
from graftwork.local.errors import DiskFull
from graftwork.local.errors import NotReadyInTime
from graftwork.local.errors import PortTaken
from graftwork.local.errors import ServerDied
from graftwork.local.ports import is_taken
from graftwork.local.ports import require_free

POLL_INTERVAL_SECONDS = 0.1
TAIL_BYTES = 16_384
TAIL_LINES = 20
MIB = 1024 * 1024


def require_disk(server: str, directory: Path, needed_mib: int) -> None:
    """Check that there is room to write.

    Raises:
        DiskFull: less than ``needed_mib`` is free on the directory's file system.
    """
    free_mib = shutil.disk_usage(directory).free // MIB
    if free_mib < needed_mib:
        raise DiskFull(server, directory, free_mib=free_mib, needed_mib=needed_mib)


def log_tail(log_path: Path) -> tuple[str, ...]:
    """Return the last lines of a log, oldest first; Java's stack frames, which crowd out the rest, left out."""
    with log_path.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("\tat "))[-TAIL_LINES:]


class OwnedProcess:
    """One child process, in a process group of its own, logging into a file.

    As an async context manager it is started on entry and stopped on exit. It dies with the thread that
    started it, even where that is killed with SIGKILL. Ctrl-C in a terminal does not reach it: its owner
    decides when it stops.

    Args:
        name: what to call it in messages.
        argv: the command; a program without a slash is looked for on PATH.
        log_path: takes its output; the log of the run before is kept beside it as ``.old``.
        env: its whole environment; ours where None.
        cwd: where it runs.
        ports: ports it is going to listen on, checked before it starts and when it dies.
        stop_timeout_seconds: from SIGTERM to SIGKILL.
        min_free_disk_mib: room required where the log lies.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ports: Sequence[int] = (),
        stop_timeout_seconds: float = 15.0,
        min_free_disk_mib: int = 0,
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._argv = tuple(argv)
        self._env = env
        self._cwd = cwd
        self._ports = tuple(ports)
        self._stop_timeout_seconds = stop_timeout_seconds
        self._min_free_disk_mib = min_free_disk_mib
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process id, which is its group's id too."""
        return self._running().pid

    async def start(self) -> None:
        """Start it; it may not be ready yet.

        Raises:
            BinaryMissing: there is no such program.
            DiskFull: too little room is left.
            PortTaken: something listens on one of its ports.
        """
        if shutil.which(self._argv[0]) is None:
            raise BinaryMissing(self.name, remedy=f"{self._argv[0]} is not there or cannot be executed")
        with self._open_log() as log:
            require_disk(self.name, self.log_path.parent, self._min_free_disk_mib)
            require_free(self._ports, self.name)
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", exec_shim.__file__, str(os.getpid()), *self._argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
            )

    async def wait_ready(self, ready: Callable[[], Awaitable[bool]], *, timeout_seconds: float) -> None:
        """Ask ``ready`` again and again until it says yes.

        Raises:
            ServerDied: it ended first.
            PortTaken: it ended first, and something else has one of its ports.
            NotReadyInTime: it still runs, but ``ready`` never said yes.
        """
        died = asyncio.ensure_future(self._running().wait())
        polled = asyncio.ensure_future(_poll(ready))
        try:
            await asyncio.wait({died, polled}, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
            if died.done():
                raise self._death(died.result())
            if not polled.done():
                raise NotReadyInTime(
                    self.name, seconds=timeout_seconds, log_tail=log_tail(self.log_path), log_path=self.log_path
                )
            polled.result()
        finally:
            died.cancel()
            polled.cancel()
            await asyncio.gather(died, polled, return_exceptions=True)

    async def wait(self) -> int:
        """Wait until it ends by itself; return its exit status, negative for a signal."""
        return await self._running().wait()

    async def wait_success(self) -> None:
        """Wait until it ends by itself, for a command that has something to finish.

        Raises:
            ServerDied: it ended with another status than 0.
        """
        if (returncode := await self.wait()) != 0:
            raise self._death(returncode)

    async def watch(self) -> NoReturn:
        """Wait until it ends; whoever stops it cancels this first.

        Raises:
            ServerDied: always, then.
        """
        raise self._death(await self.wait())

    async def stop(self) -> None:
        """End it and whatever it left in its group; harmless where it has ended already."""
        if self._process is None:
            return
        try:
            async with asyncio.timeout(self._stop_timeout_seconds):
                self._terminate()
                await self._process.wait()
        except TimeoutError:
            pass  # asked politely; now it is told
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    def _terminate(self) -> None:
        """Ask the process alone: a server tells its own children, in its own order."""
        with suppress(ProcessLookupError):
            self._running().terminate()

    def _open_log(self) -> IO[bytes]:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(self.log_path.suffix + ".old"))
        return self.log_path.open("wb")

    def _death(self, returncode: int) -> ServerDied | PortTaken:
        for port in self._ports:
            if is_taken(port):
                return PortTaken(self.name, port)
        return ServerDied(self.name, returncode=returncode, log_tail=log_tail(self.log_path), log_path=self.log_path)


async def _poll(ready: Callable[[], Awaitable[bool]]) -> None:
    while not await ready():  # noqa: ASYNC110 (what another process does sets no event of ours)
        await asyncio.sleep(POLL_INTERVAL_SECONDS)
