"""One worker process behind its wall: started, told things, heard, ended."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Self

from graftwork.contracts.workflows import FailureReason
from graftwork_runner.cpython.errors import WorkerLost
from graftwork_runner.cpython.frames import frame
from graftwork_runner.cpython.frames import read_frame
from graftwork_runner.cpython.messages import AnyMessage
from graftwork_runner.cpython.messages import parse
from graftwork_runner.cpython.watch import cpu_seconds
from graftwork_runner.cpython.watch import family
from graftwork_runner.errors import SandboxDown
from graftwork_runner.faults import Fault
from graftwork_runner.readable import readable

_START_SECONDS = 30.0
_EXIT_SECONDS = 1.0
_LAST_WORDS_BYTES = 4_096
_READY = frame({"type": "ready"})
_ENDED = "the worker's process ended before the workflow did"


class WorkerProcess:
    """Serves one session. It is started early and greeted when it is needed, so that nobody waits for its start."""

    _ready = False
    _family: tuple[int, ...] = ()

    def __init__(self, transport: asyncio.SubprocessTransport, process: asyncio.subprocess.Process) -> None:
        self._transport = transport
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str]) -> Self:
        """Start one. Raises ``SandboxDown``."""
        loop = asyncio.get_running_loop()
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=_LAST_WORDS_BYTES, loop=loop),
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise _down(str(error)) from error
        return cls(transport, asyncio.subprocess.Process(transport, protocol, loop))

    async def greet(self) -> None:
        """Wait until it is ready, if it is not yet known to be. Raises ``SandboxDown``."""
        if self._ready:
            return
        try:
            async with asyncio.timeout(_START_SECONDS):
                said = await self._stdout.readexactly(
                    len(_READY)
                )  # at once, so that nothing is lost if it is cancelled
        except EOFError as error:
            raise _down(await self._last_words()) from error
        except TimeoutError as error:
            raise _down("it does not answer") from error
        if said != _READY:
            raise _down("it does not say that it is ready")
        self._ready = True
        self._family = family(self._process.pid)

    async def tell(self, order: Mapping[str, Any]) -> None:
        """Give it an order."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 (it is a pipe)
        try:
            stdin.write(frame(order))
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return  # what it said before it ended is still to be heard

    async def hear(self, most_bytes: int) -> AnyMessage:
        """What it says next. Raises ``ProtocolBroken``, and ``WorkerLost`` if it has ended."""
        try:
            return parse(await read_frame(self._stdout, most_bytes))
        except EOFError as error:
            told = f"{_ENDED} ({await self._how()})"
            raise WorkerLost(Fault(FailureReason.CRASHED, told, told)) from error

    def cpu_seconds(self) -> float:
        """Processor time of all that runs behind the wall."""
        return cpu_seconds(self._family)

    def kill(self) -> None:
        """End it, and with it everything behind its wall."""
        if self._process.returncode is None:
            self._transport.kill()

    async def close(self) -> None:
        """End it, and wait until it has ended; what it has said and nobody has heard is dropped."""
        self.kill()
        for descriptor in range(3):
            pipe = self._transport.get_pipe_transport(descriptor)
            if pipe is not None:
                pipe.close()
        await self._process.wait()
        self._transport.close()

    @property
    def _stdout(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe)
        return self._process.stdout

    async def _how(self) -> str:
        """How it ended. It may have closed the pipe and live on."""
        try:
            async with asyncio.timeout(_EXIT_SECONDS):
                return f"exit status {await self._process.wait()}"
        except TimeoutError:
            return "it closed its end of the pipe"

    async def _last_words(self) -> str:
        assert self._process.stderr is not None  # noqa: S101 (it is a pipe)
        self.kill()
        said = await self._process.stderr.read(_LAST_WORDS_BYTES)
        return readable(said.decode(errors="replace")) or f"it ended, {await self._how()}"


def _down(why: str) -> SandboxDown:
    return SandboxDown(f"no worker of the runtime cpython can be started: {readable(why)}")
