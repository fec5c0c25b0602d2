"""A receiver of webhooks: a real server that notes what it is told, and answers as it was planned."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graftwork.kit.http import HttpServer


@dataclass(frozen=True)
class Call:
    """What came in."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """``planned`` statuses are answered in turn, then 204; a redirect leads to ``/elsewhere``."""

    url: str = ""
    planned: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    strayed: int = 0


@asynccontextmanager
async def receiving(*planned: int) -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(planned=list(planned))

    async def hook(request: Request) -> Response:
        receiver.calls.append(Call(dict(request.headers), await request.body()))
        status = receiver.planned.pop(0) if receiver.planned else 204
        return Response(status_code=status, headers={"Location": "/elsewhere"} if status // 100 == 3 else None)

    async def elsewhere(_request: Request) -> Response:
        receiver.strayed += 1
        return Response(status_code=204)

    routes = [Route("/hook", hook, methods=["POST"]), Route("/elsewhere", elsewhere, methods=["GET", "POST"])]
    server = HttpServer(Starlette(routes=routes), "127.0.0.1", 0)
    receiver.url = f"http://localhost:{server.port}/hook"
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        try:
            yield receiver
        finally:
            server.stop()
