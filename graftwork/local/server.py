"""What every kind of server on this machine shares: where it is, whose it is, how it is started."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from graftwork.local.errors import NoAnswer
from graftwork.local.errors import PortTaken
from graftwork.local.process import OwnedProcess
from graftwork.local.settings import LocalSettings

Progress = Callable[[str], None]
"""Takes one line for a person to read."""

PORT_ATTEMPTS = 3
ANSWER_ATTEMPTS = 3
ANSWER_PAUSE_SECONDS = 1.0


def silent(_line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Server:
    """A server that answers: ours where it has a process, somebody else's where it has none."""

    name: str
    address: str
    process: OwnedProcess | None = None


class Starter(Protocol):
    """Gives the server at an address, or starts one with its data in ``home``, and stops that at the end."""

    def __call__(
        self,
        home: Path,
        address: str | None = None,
        *,
        settings: LocalSettings | None = None,
        on_progress: Progress = ...,
    ) -> AbstractAsyncContextManager[Server]:
        """Return it as a context to enter, in whatever task."""


async def given_server(name: str, address: str, *, setting: str, answers: Callable[[str], Awaitable[bool]]) -> Server:
    """Take a server that runs already, or is about to.

    Raises:
        NoAnswer: it does not.
    """
    for attempt in range(ANSWER_ATTEMPTS):
        if attempt:
            await asyncio.sleep(ANSWER_PAUSE_SECONDS)
        if await answers(address):
            return Server(name, address)
    raise NoAnswer(name, address, setting=setting)


async def retry_other_ports(start: Callable[[], Awaitable[OwnedProcess]]) -> OwnedProcess:
    """Start a server on ports we chose ourselves; where somebody was quicker, choose again.

    Raises:
        PortTaken: that happened again and again.
    """
    for _ in range(PORT_ATTEMPTS - 1):
        try:
            return await start()
        except PortTaken:
            continue
    return await start()


async def started(
    process: OwnedProcess, ready: Callable[[], Awaitable[bool]], *, timeout_seconds: float
) -> OwnedProcess:
    """Start a process and wait until it is ready; where that fails or is cancelled, it is stopped.

    Raises:
        LocalServerError: it cannot be had.
    """
    try:
        await process.start()
        await process.wait_ready(ready, timeout_seconds=timeout_seconds)
    except BaseException:
        await process.stop()
        raise
    return process


async def accepts(host: str, port: int) -> bool:
    """Tell whether something accepts TCP connections there."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


@asynccontextmanager
async def stopping(server: Server) -> AsyncIterator[Server]:
    """Stop the server at the end, if it is ours."""
    try:
        yield server
    finally:
        if server.process is not None:
            await server.process.stop()
