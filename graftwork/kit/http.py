"""The HTTP side of a service: health, readiness, metrics, and the gateway's own routes."""

import asyncio
import errno
import socket
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any
from typing import Self

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.responses import PlainTextResponse
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send
from typing_extensions import override

from graftwork.kit.errors import PortTaken

Ping = Callable[[], Awaitable[None]]
Exposition = Callable[[], Awaitable[str]]
_PING_SECONDS = 1.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BACKLOG = 2_048
# Longer than clients and load balancers keep an idle connection: who closes first must be the one who sends next.
_KEEP_ALIVE_SECONDS = 75


class Readiness:
    """Ready once prepared, while not draining, and while every dependency of the service answers.

    ``facts``: what does not change while the process lives, told by ``/healthz`` and ``/readyz``; JSON values.
    """

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        self._pings: dict[str, Ping] = {}
        self.preparing = False
        self.draining = False

    def watch(self, name: str, ping: Ping) -> None:
        """Count ``ping`` among the dependencies."""
        self._pings[name] = ping

    async def problems(self) -> Mapping[str, str]:
        """Dependency -> what is wrong; empty when ready."""
        if self.draining:
            return {"service": "draining"}
        if self.preparing:
            return {"service": "preparing"}
        answers = await asyncio.gather(*(self._try(ping) for ping in self._pings.values()))
        return {name: answer for name, answer in zip(self._pings, answers, strict=True) if answer is not None}

    async def _try(self, ping: Ping) -> str | None:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we report
            return f"{type(error).__name__}: {error}"
        return None


def health_routes(readiness: Readiness, *, further_metrics: Exposition | None = None) -> list[Route]:
    """``/healthz`` (the loop turns), ``/readyz`` (dependencies answer), ``/metrics``.

    ``further_metrics``: in the text format of Prometheus, of something that this service answers for.
    """

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok", **readiness.facts})

    async def readyz(_request: Request) -> Response:
        problems = await readiness.problems()
        told = {"ready": not problems, "problems": problems, **readiness.facts}
        return JSONResponse(told, status_code=503 if problems else 200)

    async def metrics(_request: Request) -> Response:
        further = await further_metrics() if further_metrics else ""
        return Response(generate_latest() + further.encode(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def health_app(readiness: Readiness, *, further_metrics: Exposition | None = None) -> ASGIApp:
    """Application with the health routes alone."""
    return Starlette(routes=health_routes(readiness, further_metrics=further_metrics))


class OpensLater:
    """An application that answers nothing but the health routes, and 503 otherwise, until it is opened."""

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self._opened = app
        closed = Route("/{path:path}", _not_yet, methods=list(_METHODS))
        self._app: ASGIApp = Starlette(routes=[*health_routes(readiness), closed])

    def open(self) -> None:
        """Answer everything from now on."""
        self._app = self._opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)


async def _not_yet(_request: Request) -> Response:
    return PlainTextResponse("the service is starting", status_code=503, headers={"Retry-After": "1"})


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the process belongs to the service, not to its HTTP side."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application on a socket that listens from construction, so that a taken port fails at once.

    A context manager: leaving it frees the port. Raises ``PortTaken``.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, *, drain_seconds: float = 5.0) -> None:
        self._socket = _bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=int(drain_seconds),
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._server = _Server(config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    async def serve(self) -> None:
        """Serve until ``stop`` is called."""
        with self:
            await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Take no new connections and let the open ones end, bounded."""
        self._server.should_exit = True


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; else every answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(f"port {port} on {host} is taken: stop what listens there, or choose another") from error
    return bound
