"""A generate request as the pool has it, and as the body of an OpenAI chat completion. Pure."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from graftwork.kit.errors import ModelRefused
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import Sampling
from graftwork_solvers.settings import PoolSettings

_SCHEMA_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_SCHEMA_NAME_CHARS = 64
_LEFT_OPEN = (None, ())
# vLLM and llama.cpp name this one differently, and each ignores the other's name.
_REPEAT_PENALTY_NAMES = ("repeat_penalty", "repetition_penalty")


def as_pool_has_it(request: GenerateRequest, pool: PoolSettings) -> GenerateRequest:
    """The request with the pool's prompt and sampling. Raises ``ModelRefused`` for what a fixed pool does not let in.

    A pool that is not fixed fills in what the request leaves open. A fixed one puts its own in place of all of it,
    and what it leaves open is the endpoint's to choose.
    """
    sampling = pool.sampling.model_dump()
    if not pool.fixed:
        sampling = {name: value for name, value in sampling.items() if getattr(request, name) in _LEFT_OPEN}
    return request.model_copy(update={**sampling, "messages": _messages(request, pool)})


def _messages(request: GenerateRequest, pool: PoolSettings) -> tuple[Message, ...]:
    first, *rest = request.messages
    if pool.fixed and any(turn.role == "system" for turn in request.messages):
        raise ModelRefused(f"pool {request.pool!r} is fixed: it takes no system message beside its own")
    if pool.prompt is None:
        return request.messages
    if first.role != "system":
        return (Message(role="system", content=pool.prompt), *request.messages)
    # One message: most chat templates know but one place for the system's words.
    return (Message(role="system", content=f"{pool.prompt}\n\n{first.content}"), *rest)


def sampling_of(request: GenerateRequest, *, omit: AbstractSet[str]) -> Sampling:
    """What the answer is really made with. ``omit``: what the endpoint does not take; the pod itself cuts at stops."""
    told = [name for name in Sampling.model_fields if name == "stop" or name not in omit]
    return Sampling.model_validate({name: getattr(request, name) for name in told})


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
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
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
