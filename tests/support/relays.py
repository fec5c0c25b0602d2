"""A wire between a client and a server, which a test can cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field


@dataclass
class Relay:
    """Passes bytes on, both ways, until it is cut."""

    port: int = 0
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """Drop every connection as a machine that loses its power does, as far as the server can tell."""
        for end in self.ends:
            end.transport.abort()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """Listen on a free port, for what listens on ``port``."""
    relay = Relay()

    async def passed(near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        far, far_end = await asyncio.open_connection("127.0.0.1", port)
        relay.ends += (near_end, far_end)
        with suppress(ConnectionError):
            await asyncio.gather(_pour(near, far_end), _pour(far, near_end))

    server = await asyncio.start_server(passed, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(2**16):
        sink.write(data)
        await sink.drain()
