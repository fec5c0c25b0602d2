"""A generate request as the body of an OpenAI chat completion. Pure."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from graftwork.models.plane import GenerateRequest
from graftwork_solvers.settings import PoolSettings

_SCHEMA_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_SCHEMA_NAME_CHARS = 64
# vLLM and llama.cpp name this one differently, and each ignores the other's name.
_REPEAT_PENALTY_NAMES = ("repeat_penalty", "repetition_penalty")


def with_defaults(request: GenerateRequest, pool: PoolSettings) -> GenerateRequest:
    """The request, with the pool's sampling where it leaves the choice to the pool."""
    defaults = pool.sampling.model_dump(exclude_none=True)
    missing = {name: value for name, value in defaults.items() if getattr(request, name) is None}
    return request.model_copy(update=missing)


def chat_body(
    request: GenerateRequest, *, model: str, pool: PoolSettings, omit: AbstractSet[str], max_tokens_parameter: str
) -> dict[str, Any]:
    """Body for ``request``, sampling complete. ``omit``: parameters that the endpoint does not take."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.content} for turn in request.messages],
        **_sampling(request, omit),
    }
    if request.max_tokens is not None:
        body[max_tokens_parameter] = request.max_tokens
    if request.n > 1 and "n" not in omit:
        body["n"] = request.n
    if request.json_schema is not None:
        body["response_format"] = _response_format(request.json_schema, request.schema_name, strict=pool.strict_schemas)
    return {**body, **pool.extra_body}


def _sampling(request: GenerateRequest, omit: AbstractSet[str]) -> dict[str, Any]:
    values = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "min_p": request.min_p,
        "repeat_penalty": request.repeat_penalty,
        "seed": request.seed,
        "stop": list(request.stop) or None,
    }
    sent = {name: value for name, value in values.items() if value is not None and name not in omit}
    penalty = sent.pop("repeat_penalty", None)
    return sent if penalty is None else {**sent, **dict.fromkeys(_REPEAT_PENALTY_NAMES, penalty)}


def _response_format(schema: Mapping[str, Any], name: str | None, *, strict: bool) -> dict[str, Any]:
    safe = _SCHEMA_NAME.sub("_", name or "answer")[:_SCHEMA_NAME_CHARS]
    return {"type": "json_schema", "json_schema": {"name": safe, "schema": schema, "strict": strict}}
