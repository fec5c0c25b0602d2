"""The OpenAI API's bodies: completions, streams, embeddings, models and errors."""

import json
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from tests.support.scripted_model.embeddings import embedded

BYTES_PER_TOKEN = 4
_HTML = "<!doctype html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"

Choice = tuple[str, str]
"""Content and finish reason."""


def tokens(size: int) -> int:
    """Tokens of ``size`` bytes, as this server counts them."""
    return -(-size // BYTES_PER_TOKEN)


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The usage block."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def completion(choices: Sequence[Choice], *, model: str, digest: str) -> dict[str, Any]:
    """A chat completion without its usage."""
    return {
        "id": f"chatcmpl-{digest[:16]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": "scripted",
        "choices": [
            {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
            for index, (text, reason) in enumerate(choices)
        ],
    }


def chunks(whole: dict[str, Any]) -> Iterator[bytes]:
    """The completion as server-sent events, a word or two each, usage with the last."""
    head = {**whole, "object": "chat.completion.chunk"}
    used = head.pop("usage", None)
    for choice in whole["choices"]:
        for piece in choice["message"]["content"].split(" "):
            delta = {"index": choice["index"], "delta": {"content": piece + " "}, "finish_reason": None}
            yield _event({**head, "choices": [delta]})
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield _event({**head, "choices": [end]})
    yield _event({**head, "choices": [], "usage": used})
    yield b"data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def embeddings(texts: Sequence[str], *, model: str) -> dict[str, Any]:
    """One vector per text, in order."""
    data = [{"object": "embedding", "index": place, "embedding": embedded(text)} for place, text in enumerate(texts)]
    return {"object": "list", "data": data, "model": model}


def models(names: Sequence[str]) -> dict[str, Any]:
    """The list of models."""
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "tests"} for name in names]}


def error(status: int, message: str, *, code: str, retry_after_seconds: float | None = None) -> web.Response:
    """An error in the API's form."""
    headers = {} if retry_after_seconds is None else {"Retry-After": f"{retry_after_seconds:g}"}
    body = {"error": {"message": message, "type": code, "code": code, "param": None}}
    return web.json_response(body, status=status, headers=headers)


def html() -> web.Response:
    """A proxy's page where JSON was expected, with status 200."""
    return web.Response(text=_HTML, content_type="text/html")


def broken_body(whole: dict[str, Any]) -> web.Response:
    """Half of a JSON body that says it is JSON."""
    text = json.dumps(whole)
    return web.Response(text=text[: len(text) // 2], content_type="application/json")
