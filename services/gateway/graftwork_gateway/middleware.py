"""What holds for every request: bounds on what it carries, headers of its answer, and a clock on it.

These lie around the whole application, so that the answer to a crash has its headers too.
"""

import time

from starlette.datastructures import Headers
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp
from starlette.types import Message
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork_gateway import metrics
from graftwork_gateway.errors import AddressTooLong
from graftwork_gateway.errors import ApiError
from graftwork_gateway.errors import BodyTooLarge
from graftwork_gateway.errors import HeadersTooLarge
from graftwork_gateway.problems import api_error_response
from graftwork_gateway.settings import GatewaySettings

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""For answers that are data: nobody stores, sniffs, frames or runs them. TLS, and HSTS with it, end before us."""


def guarded(app: ASGIApp, settings: GatewaySettings) -> ASGIApp:
    """``app`` behind all of this module."""
    bounded: ASGIApp = Bounds(app, settings)
    return Answers(_shared(bounded, settings.cors_origins) if settings.cors_origins else bounded)


def _shared(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Browsers of these origins may call; never with cookies, since we have none."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "X-API-Key", "Content-Type", IDEMPOTENCY_HEADER, "Last-Event-ID"],
        expose_headers=["Location", "Retry-After", "RateLimit", "RateLimit-Policy", "ETag", "Content-Disposition"],
    )


class Bounds:
    """Refuses what is too long: address, headers, and the body by its length where that is told, else as it comes.

    Starlette has such a middleware for bodies, but it answers in plain text.
    """

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, self._counted(receive), send)
        else:
            await api_error_response(refusal, scope["path"][: self._settings.max_address_bytes])(scope, receive, send)

    def _refusal(self, scope: Scope) -> ApiError | None:
        settings = self._settings
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > settings.max_address_bytes:
            return AddressTooLong(f"path and query may have {settings.max_address_bytes} bytes at most")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > settings.max_header_bytes:
            return HeadersTooLarge(f"all headers together may have {settings.max_header_bytes} bytes at most")
        return self._body_refusal() if _announced(scope) > settings.max_body_bytes else None

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._settings.max_body_bytes:
                raise self._body_refusal()
            return message

        return counted

    def _body_refusal(self) -> BodyTooLarge:
        return BodyTooLarge(f"a body may have {self._settings.max_body_bytes} bytes at most")


def _announced(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isdecimal() else 0


class Answers:
    """Gives every answer its headers, and measures the time to its first byte.

    Beside ``SECURITY_HEADERS`` these are what a route left in ``request.state.headers``. A crash that was told as a
    problem and logged ends here; the server would log it again, and reset the connection under the next request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with an eye on the answer's start."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        state = scope.setdefault("state", {})
        whole = False

        async def marked(message: Message) -> None:
            nonlocal whole
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update({**SECURITY_HEADERS, **state.get("headers", {})})
                _measure(scope, message["status"], time.monotonic() - began)
            await send(message)

        try:
            await self._app(scope, receive, marked)
        except Exception:
            if not whole:
                raise  # the server cuts the connection, so that nobody takes half an answer for a whole one


def _measure(scope: Scope, status: int, seconds: float) -> None:
    """By route, not by path: paths are without number, and so are methods that clients make up."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    metrics.HTTP_SECONDS.labels(method, route, status).observe(seconds)
