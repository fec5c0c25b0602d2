"""What holds for every request: a bounded body, answers that nobody stores, and a clock on it."""

import time

from starlette.datastructures import Headers
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp
from starlette.types import Message
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from graftwork_gateway import metrics
from graftwork_gateway.errors import BodyTooLarge
from graftwork_gateway.problems import api_error_response


class BodyLimit:
    """Refuses bodies longer than ``max_bytes``: by Content-Length before any of it is read, else as it comes.

    Starlette has such a middleware, but it answers in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > self._max_bytes:
            await api_error_response(self._refusal(), scope["path"])(scope, receive, send)
        else:
            await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_bytes:
                raise self._refusal()
            return message

        return counted

    def _refusal(self) -> BodyTooLarge:
        return BodyTooLarge(f"a body may have {self._max_bytes} bytes at most")


def _announced(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isdecimal() else 0


class Answers:
    """Marks every answer as not to be stored or sniffed, and measures the time to its first byte."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with an eye on the answer's start."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
                _measure(scope, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, marked)


def _measure(scope: Scope, status: int, seconds: float) -> None:
    """By route, not by path: paths are without number."""
    route = getattr(scope.get("route"), "path", "none")
    metrics.HTTP_SECONDS.labels(scope["method"], route, status).observe(seconds)
