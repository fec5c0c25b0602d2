"""An OpenAI-compatible endpoint that a test can make misbehave in any way it likes."""

import asyncio
import json
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from aiohttp import web

Answer = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


async def says_hello(_body: dict[str, Any]) -> web.Response:
    """Answer every chat with one text."""
    return chat_answer("hello")


def chat_answer(*texts: str, logprobs: Sequence[list[dict[str, Any]]] = (), **extra: Any) -> web.Response:
    """Return a proper chat completion; ``logprobs``: of each text, token by token."""
    choices: list[dict[str, Any]] = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    for choice, tokens in zip(choices, logprobs, strict=False):
        choice["logprobs"] = {"content": tokens}
    usage = {"prompt_tokens": 7, "completion_tokens": 2 * len(texts)}
    return web.json_response({"model": "tiny-1", "choices": choices, "usage": usage, **extra})


def error_answer(status: int, message: str, headers: dict[str, str] | None = None, **extra: Any) -> web.Response:
    """Return an error in OpenAI's form."""
    return web.json_response({"error": {"message": message, **extra}}, status=status, headers=headers)


async def embeds_lengths(body: dict[str, Any]) -> web.Response:
    """Embed each text as its length and its first character, last text first."""
    rows = [
        {"index": index, "embedding": [float(len(text)), float(ord(text[0])), 0.5]}
        for index, text in enumerate(body["input"])
    ]
    return web.json_response({"model": "tiny-1", "data": rows[::-1], "usage": {"prompt_tokens": len(rows)}})


@dataclass
class ScriptedEndpoint:
    """``chat``, ``embed`` and ``models`` may be changed while it runs; ``bodies`` holds every chat it heard.

    ``headers`` are those of the chats, ``listings`` those of questions for its models.

    ``well`` and ``meters`` are what an engine tells under /health and /metrics.
    """

    chat: Answer = says_hello
    embed: Answer = embeds_lengths
    models: Callable[[], Awaitable[web.StreamResponse]] | None = None
    url: str = ""
    well: bool = True
    meters: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    listings: list[dict[str, str]] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_chat(self, request: web.Request) -> web.StreamResponse:
        """Record the request and answer as scripted; note a client that hangs up."""
        body = json.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(_headers(request))
        self.arrived.set()
        try:
            return await self.chat(body)
        except asyncio.CancelledError:
            self.hung_up.set()
            raise

    async def on_embed(self, request: web.Request) -> web.StreamResponse:
        """Answer as scripted."""
        return await self.embed(await request.json())

    async def on_models(self, request: web.Request) -> web.StreamResponse:
        """List one model, unless scripted otherwise."""
        self.listings.append(_headers(request))
        if self.models is not None:
            return await self.models()
        return web.json_response({"object": "list", "data": [{"id": "tiny", "max_model_len": 2048}]})

    async def on_health(self, _request: web.Request) -> web.StreamResponse:
        """Say as vLLM does whether the engine lives."""
        return web.Response(status=200 if self.well else 503)

    async def on_version(self, _request: web.Request) -> web.StreamResponse:
        """Number itself as vLLM does."""
        return web.json_response({"version": "0.32.0"})

    async def on_metrics(self, _request: web.Request) -> web.StreamResponse:
        """Tell the meters."""
        return web.Response(text=self.meters)


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


@asynccontextmanager
async def running_endpoint(chat: Answer = says_hello, *, port: int = 0) -> AsyncIterator[ScriptedEndpoint]:
    """Serve one on a free port."""
    endpoint = ScriptedEndpoint(chat=chat)
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", endpoint.on_chat)
    app.router.add_post("/v1/embeddings", endpoint.on_embed)
    app.router.add_get("/v1/models", endpoint.on_models)
    app.router.add_get("/health", endpoint.on_health)
    app.router.add_get("/version", endpoint.on_version)
    app.router.add_get("/metrics", endpoint.on_metrics)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield endpoint
    finally:
        await runner.cleanup()


@asynccontextmanager
async def refusing_endpoint() -> AsyncIterator[str]:
    """Address of one that refuses whoever asks, key or not."""

    async def refuse(*_: Any) -> web.Response:
        return error_answer(401, "who are you?")

    async with running_endpoint(refuse) as endpoint:
        endpoint.models = refuse
        yield endpoint.url
