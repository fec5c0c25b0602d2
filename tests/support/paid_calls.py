"""A model plane behind HTTP that counts what is paid for, so that a caller may die and the bill stays."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response
from starlette.routing import Route

from graftwork.kit.http import HttpServer
from graftwork.models.fake import FakePlane
from graftwork.models.plane import GenerateRequest


class PaidCalls:
    """The bill: prompt -> calls. A prompt in ``held`` is paid for, but not answered before ``release``."""

    def __init__(self) -> None:
        self.bill: Counter[str] = Counter()
        self.url = ""
        self._held: dict[str, asyncio.Event] = {}
        self._arrived = asyncio.Condition()

    def hold(self, prompt: str) -> None:
        """Let callers of ``prompt`` wait."""
        self._held[prompt] = asyncio.Event()

    def release(self) -> None:
        """Answer everybody."""
        for event in self._held.values():
            event.set()

    async def arrived(self, prompt: str) -> None:
        """Return once ``prompt`` was asked."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.bill[prompt])

    async def answer(self, request: Request) -> Response:
        """Write it on the bill, then answer."""
        prompt = (await request.body()).decode()
        async with self._arrived:
            self.bill[prompt] += 1
            self._arrived.notify_all()
        if prompt in self._held:
            await self._held[prompt].wait()
        return PlainTextResponse(f"answer to {prompt}")


@asynccontextmanager
async def paid_calls() -> AsyncIterator[PaidCalls]:
    """Serve a bill while the block runs."""
    paid = PaidCalls()
    server = HttpServer(Starlette(routes=[Route("/", paid.answer, methods=["POST"])]), "127.0.0.1", 0)
    paid.url = f"http://127.0.0.1:{server.port}/"
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        try:
            yield paid
        finally:
            paid.release()
            server.stop()


def paying_plane(url: str) -> FakePlane:
    """Plane whose answers come from a ``PaidCalls`` elsewhere."""

    async def ask(request: GenerateRequest) -> str:
        async with httpx.AsyncClient(timeout=60) as client:
            return (await client.post(url, content=request.messages[-1].content)).text

    return FakePlane(ask)
