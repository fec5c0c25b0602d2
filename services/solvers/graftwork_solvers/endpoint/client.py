"""One OpenAI-compatible endpoint over HTTP."""

from collections.abc import Callable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any
from urllib.request import getproxies
from urllib.request import proxy_bypass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import HttpUrl
from pydantic_core import to_json

from graftwork.kit.errors import DependencyDown
from graftwork.kit.spans import Spans
from graftwork.models.channels import MAX_MESSAGE_BYTES
from graftwork_solvers import __version__
from graftwork_solvers.endpoint.answers import ChatAnswer
from graftwork_solvers.endpoint.answers import EmbedAnswer
from graftwork_solvers.endpoint.answers import ListedModel
from graftwork_solvers.endpoint.answers import parse_chat
from graftwork_solvers.endpoint.answers import parse_embeddings
from graftwork_solvers.endpoint.answers import parse_json
from graftwork_solvers.endpoint.answers import parse_models
from graftwork_solvers.endpoint.failures import failure_inside
from graftwork_solvers.endpoint.failures import failure_of
from graftwork_solvers.endpoint.hosts import habits_of
from graftwork_solvers.endpoint.keys import Key
from graftwork_solvers.endpoint.spans import requesting
from graftwork_solvers.endpoint.spans import tell_status
from graftwork_solvers.errors import MalformedAnswer
from graftwork_solvers.settings import SolversSettings

# An idle connection is dropped a little before most servers do it, who would cut a request short.
_IDLE_SECONDS = 4.0
_PROBES = 4
_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "user-agent": f"graftwork-solvers/{__version__}",
}
_CHAT, _EMBEDDINGS, _MODELS = "chat/completions", "embeddings", "models"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Endpoint:
    """Asks the endpoint; every failure is one of the kit's or of ``graftwork_solvers.errors``.

    It sets no deadline of its own but for connecting: callers wrap calls in ``asyncio.timeout``, and
    a cancelled call closes its connection, by which an engine knows to stop generating.

    ``identity`` names what answers, alike in all replicas of a pod, where ``url`` cannot.

    It speaks to the transport, without a client around it: redirects, cookies and authentication
    flows are nothing we want here, and doubled the CPU time of a call.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        url: str,
        *,
        key: str = "",
        identity: str | None = None,
        connect_seconds: float = 5.0,
        now: Callable[[], datetime] = _utc_now,
        spans: Spans | None = None,
    ) -> None:
        self._transport = transport
        self.url = url.rstrip("/")
        self.identity = identity or self.url
        self.chats_answered = 0
        self._key = Key(key)
        self._now = now
        self._spans = spans or Spans()
        self._urls = {path: httpx.URL(f"{self.url}/{path}") for path in (_CHAT, _EMBEDDINGS, _MODELS)}
        bearer = {"authorization": f"Bearer {key}"} if key else {}
        self._headers = httpx.Headers({**_HEADERS, **bearer})
        self._listing_headers = httpx.Headers({**_HEADERS, **(habits_of(url).listing_headers(key) or bearer)})
        self._extensions = {"timeout": {"connect": connect_seconds}}

    async def chat(self, body: Mapping[str, Any], *, wanted: int) -> ChatAnswer:
        """At least one and at most ``wanted`` texts: some endpoints ignore ``n``."""
        with self._key.kept():
            answer = parse_chat(await self._exchange("POST", _CHAT, body), wanted=wanted)
        self.chats_answered += 1
        return answer

    async def embed(self, model: str, texts: tuple[str, ...]) -> EmbedAnswer:
        """One vector per text."""
        body = {"model": model, "input": texts, "encoding_format": "float"}
        with self._key.kept():
            return parse_embeddings(await self._exchange("POST", _EMBEDDINGS, body), wanted=len(texts))

    async def models(self) -> tuple[ListedModel, ...]:
        """The models it lists."""
        with self._key.kept():
            return parse_models(await self._exchange("GET", _MODELS, None))

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        request = httpx.Request(
            method,
            self._urls[path],
            headers=self._listing_headers if path == _MODELS else self._headers,
            content=None if body is None else to_json(body),
            extensions=self._extensions,
        )
        with requesting(self._spans, request, f"/{path}") as span:
            try:
                response = await self._transport.handle_async_request(request)
                try:
                    answer = await _bounded(response)
                finally:
                    await response.aclose()
            except (httpx.HTTPError, aiohttp.ClientError) as error:
                raise DependencyDown(
                    f"the endpoint {self.url} does not answer: {str(error) or type(error).__name__}"
                ) from error
            tell_status(span, response.status_code)
        return self._meaning(response, answer)

    def _meaning(self, response: httpx.Response, answer: bytes) -> Mapping[str, Any]:
        if not response.is_success:
            raise failure_of(response.status_code, response.headers, answer, now=self._now())
        value = parse_json(answer)
        failure = failure_inside(value, now=self._now())
        if failure is not None:
            raise failure
        return self._key.blotted_answer(answer, value)


async def _bounded(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_MESSAGE_BYTES:
            raise MalformedAnswer(f"the endpoint's answer is larger than {MAX_MESSAGE_BYTES // 2**20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def open_endpoint(settings: SolversSettings, spans: Spans | None = None) -> Endpoint:
    """The endpoint that the settings name; the proxy is the environment's, as in every client."""
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    # Reading all trusted certificates takes longer than anything else in a pod's start.
    trusted = httpx.create_ssl_context(verify=settings.base_url.scheme == "https")

    def new_session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=settings.solvers_concurrency + _PROBES, keepalive_timeout=_IDLE_SECONDS, ssl=trusted
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport = AiohttpTransport(verify=trusted, client=new_session, proxy=proxy_for(settings.base_url))
    return Endpoint(
        transport, str(settings.base_url), key=key, connect_seconds=settings.solvers_connect_seconds, spans=spans
    )


def proxy_for(url: HttpUrl) -> httpx.Proxy | None:
    """HTTP(S)_PROXY and NO_PROXY, looked up once: aiohttp would do it for every call, in a thread."""
    proxy = getproxies().get(url.scheme)
    return None if proxy is None or proxy_bypass(url.host or "") else httpx.Proxy(proxy)
