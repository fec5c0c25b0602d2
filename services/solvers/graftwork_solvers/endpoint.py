"""One OpenAI-compatible endpoint over HTTP."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from graftwork.kit.errors import DependencyDown
from graftwork.models.channels import MAX_MESSAGE_BYTES
from graftwork_solvers.answers import ChatAnswer
from graftwork_solvers.answers import EmbedAnswer
from graftwork_solvers.answers import ListedModel
from graftwork_solvers.answers import parse_chat
from graftwork_solvers.answers import parse_embeddings
from graftwork_solvers.answers import parse_json
from graftwork_solvers.answers import parse_models
from graftwork_solvers.errors import MalformedAnswer
from graftwork_solvers.failures import failure_inside
from graftwork_solvers.failures import failure_of
from graftwork_solvers.settings import SolversSettings

# An idle connection is dropped a little before most servers do it, who would cut a request short.
_IDLE_SECONDS = 4.0
_PROBES = 4


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Endpoint:
    """Asks the endpoint; every failure is one of the kit's or of ``graftwork_solvers.errors``.

    It sets no deadline of its own but for connecting: callers wrap calls in ``asyncio.timeout``, and
    a cancelled call closes its connection, by which an engine knows to stop generating.
    """

    def __init__(self, http: httpx.AsyncClient, *, secret: str = "", now: Callable[[], datetime] = _utc_now) -> None:
        self._http = http
        self._secret = secret.encode()
        self._now = now
        self.url = str(http.base_url)

    async def chat(self, body: Mapping[str, Any], *, wanted: int) -> ChatAnswer:
        """At least one and at most ``wanted`` texts: some endpoints ignore ``n``."""
        return parse_chat(await self._exchange("POST", "chat/completions", body), wanted=wanted)

    async def embed(self, model: str, texts: tuple[str, ...]) -> EmbedAnswer:
        """One vector per text."""
        body = {"model": model, "input": texts, "encoding_format": "float"}
        return parse_embeddings(await self._exchange("POST", "embeddings", body), wanted=len(texts))

    async def models(self) -> tuple[ListedModel, ...]:
        """The models it lists."""
        return parse_models(await self._exchange("GET", "models", None))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        headers = None if body is None else {"content-type": "application/json"}
        try:
            async with self._http.stream(method, path, content=content, headers=headers) as response:
                answer = await _bounded(response)
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise DependencyDown(f"the endpoint {self.url} does not answer: {self._without_secret(error)}") from error
        return self._meaning(response, answer)

    def _meaning(self, response: httpx.Response, answer: bytes) -> Mapping[str, Any]:
        if self._secret:
            answer = answer.replace(self._secret, b"***")
        if not response.is_success:
            raise failure_of(response.status_code, response.headers, answer, now=self._now())
        value = parse_json(answer)
        failure = failure_inside(value, now=self._now())
        if failure is not None:
            raise failure
        return value

    def _without_secret(self, error: Exception) -> str:
        text = str(error) or type(error).__name__
        return text.replace(self._secret.decode(), "***") if self._secret else text


async def _bounded(response: httpx.Response) -> bytes:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_MESSAGE_BYTES:
            raise MalformedAnswer(f"the endpoint's answer is larger than {MAX_MESSAGE_BYTES // 2**20} MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def open_endpoint(settings: SolversSettings) -> Endpoint:
    """The endpoint that the settings name. Proxies are taken from the environment, as in every client."""
    secret = settings.api_key.get_secret_value() if settings.api_key else ""
    http = HttpxAiohttpClient(
        base_url=str(settings.base_url),
        headers={"authorization": f"Bearer {secret}"} if secret else {},
        timeout=httpx.Timeout(None, connect=settings.solvers_connect_seconds),
        limits=httpx.Limits(
            max_connections=settings.solvers_concurrency + _PROBES,
            max_keepalive_connections=settings.solvers_concurrency,
            keepalive_expiry=_IDLE_SECONDS,
        ),
    )
    return Endpoint(http, secret=secret)
