"""What an engine answers beside the OpenAI API: whether it is well, which version it is, how busy it is."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.kit.errors import DependencyDown
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.engine_load import load_of
from graftwork_solvers.errors import EngineGone
from graftwork_solvers.errors import MalformedAnswer

ENGINE_URL = "http://engine"
_ANSWER_SECONDS = 5.0
_LONGEST_SOCKET_BYTES = 107


class _Version(BaseModel):
    version: str


class EngineDoor:
    """Asks the engine, over the transport of its ``Endpoint``.

    Raises ``DependencyDown`` where it does not answer in time, and ``EngineGone`` where nobody is there
    any more, or vLLM's server says that the engine behind it is dead.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def check(self) -> None:
        """Raise unless it says that it is well."""
        await self._fetch("health")

    async def version(self) -> str:
        """As vLLM numbers itself."""
        try:
            return _Version.model_validate_json(await self._fetch("version")).version
        except ValidationError as error:
            raise MalformedAnswer("the engine does not tell its version as vLLM does") from error

    async def exposition(self) -> str:
        """Its metrics, as Prometheus reads them."""
        return (await self._fetch("metrics")).decode(errors="replace")

    async def load(self) -> EngineLoad:
        """How busy it is."""
        return load_of(await self.exposition())

    async def _fetch(self, path: str) -> bytes:
        request = httpx.Request("GET", f"{ENGINE_URL}/{path}", extensions={"timeout": {"connect": _ANSWER_SECONDS}})
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                response = await self._transport.handle_async_request(request)
                try:
                    body = await response.aread()
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise DependencyDown(f"the engine did not answer /{path} within {_ANSWER_SECONDS:g} s") from error
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise EngineGone(f"the engine does not answer: {str(error) or type(error).__name__}") from error
        if not response.is_success:
            raise EngineGone(f"the engine says that it is dead: {response.status_code} at /{path}")
        return body


def transport_to(socket: str, connections: int, *, idle_seconds: float) -> AiohttpTransport:
    """Transport over a Unix socket, whatever host the URL names."""

    def new_session() -> aiohttp.ClientSession:
        connector = aiohttp.UnixConnector(socket, limit=connections, keepalive_timeout=idle_seconds)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(client=new_session)


@contextmanager
def private_directory() -> Iterator[str]:
    """A directory that nobody else can enter, with a path short enough for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="gw-", dir=_short_place()) as directory:
        yield directory


def _short_place() -> str | None:
    """None: the usual place for such directories. Its sockets, vLLM's own with their long names too, have to fit."""
    usual = os.path.join(tempfile.gettempdir(), "gw-12345678", "12345678-1234-1234-1234-123456789012")  # noqa: PTH118
    return "/tmp" if len(os.fsencode(usual)) > _LONGEST_SOCKET_BYTES else None  # noqa: S108 - a private one is made there
