"""A line to a server that can be cut: everything it carries breaks, and so does every new call."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

_CHUNK_BYTES = 65_536


class Line:
    """Carries TCP to a server on this machine. ``address`` is ``host:port``."""

    def __init__(self, listener: socket.socket, target_port: int) -> None:
        self._listener = listener
        self._target_port = target_port
        self._calls: set[asyncio.Task[None]] = set()
        self._whole = True
        self.address = "{}:{}".format(*listener.getsockname())

    def cut(self) -> None:
        """Break what is carried, and every new call at once."""
        self._whole = False
        for call in self._calls:
            call.cancel()

    def mend(self) -> None:
        """Carry new calls."""
        self._whole = True

    async def run(self) -> None:
        """Take calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                near, _ = await asyncio.get_running_loop().sock_accept(self._listener)
                if self._whole:
                    call = group.create_task(self._carry(near))
                    self._calls.add(call)
                    call.add_done_callback(self._calls.discard)
                    call.add_done_callback(partial(_hang_up, near))  # it may be cancelled before it begins
                else:
                    near.close()

    async def _carry(self, near: socket.socket) -> None:
        with socket.socket() as far, contextlib.suppress(ConnectionError):
            far.setblocking(False)  # noqa: FBT003 - positional in the standard library
            await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._target_port))
            ways = [asyncio.ensure_future(_pour(near, far)), asyncio.ensure_future(_pour(far, near))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


def _hang_up(near: socket.socket, _call: "asyncio.Task[None]") -> None:
    near.close()


async def _pour(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _CHUNK_BYTES):
        await loop.sock_sendall(target, data)


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    """A line that is whole; cut for good at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - positional in the standard library
        line = Line(listener, port)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            try:
                yield line
            finally:
                running.cancel()
