"""Answers that a scripted endpoint sends piece by piece."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

_PACE_SECONDS = 0.01


class EndlessAnswer(web.StreamResponse):
    """One space after the other."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Never come to an end."""
        del data
        while True:
            await self.write(b" ")
            await asyncio.sleep(_PACE_SECONDS)


class BrokenAnswer(web.StreamResponse):
    """Half of what it promised, and then the connection is gone, as that of an engine that was killed."""

    def __init__(self, half: bytes, *, promised_bytes: int | None) -> None:
        super().__init__()
        self.content_length = promised_bytes
        self._half = half
        self._asked: BaseRequest | None = None

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Begin."""
        self._asked = request
        return await super().prepare(request)

    async def write_eof(self, data: bytes = b"") -> None:
        """Break off."""
        del data
        await self.write(self._half)
        if self._asked is not None and self._asked.transport is not None:
            self._asked.transport.abort()


@asynccontextmanager
async def noisy_server(noise: bytes) -> AsyncIterator[str]:
    """The URL of a server that says ``noise`` to every question, whatever it is, and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(noise)
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
