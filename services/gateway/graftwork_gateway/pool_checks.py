"""A few tiny calls to a pool's default model: how long one takes, and whether it keeps to a schema."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from pydantic import ValidationError

from graftwork.contracts.rest import PoolCheckView
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import GraftworkError
from graftwork.models.answers import Answer
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import one_text
from graftwork_gateway.pools import Described
from graftwork_gateway.pools import for_clients
from graftwork_gateway.views import pool_view

SCHEMA_NAME = "pool_check"
# A pod whose endpoint does not enforce schemas finds that out by the first answer, and tells them in the prompt then.
_TRIES = 2
_FEW_TOKENS = 16
# Room for the thoughts of a reasoning model, which it has even about this.
_ENOUGH_TOKENS = 512


class _Sky(Answer):
    colour: Literal["blue", "green", "red"]
    suns: Literal[0, 1, 2]


async def check_pools(plane: ModelPlane, described: Described, timeout_seconds: float) -> tuple[PoolCheckView, ...]:
    """Call all pools that told what they serve, side by side; each call may take ``timeout_seconds``."""
    checks = (_check(plane, pool, answer, timeout_seconds) for pool, answer in described.items())
    return tuple(await asyncio.gather(*checks))


async def _check(
    plane: ModelPlane, pool: str, told: PoolDescription | GraftworkError, timeout_seconds: float
) -> PoolCheckView:
    if isinstance(told, GraftworkError):
        return PoolCheckView(pool=pool, available=False, problem=str(told))
    done: list[Generation] = []
    seen: dict[str, object] = {}
    try:
        done.append(await plane.generate(_tiny(pool), timeout_seconds=timeout_seconds))
        seen["latency_seconds"] = done[0].queue_seconds + done[0].run_seconds
        while len(done) <= _TRIES and not seen.get("keeps_schema"):
            done.append(await plane.generate(_with_schema(pool), timeout_seconds=timeout_seconds))
            seen["keeps_schema"] = _fits(one_text(done[-1]))
    except GraftworkError as error:
        seen["problem"] = str(for_clients(pool, error))
    return _view(told, seen, (generation.usage for generation in done))


def _view(told: PoolDescription, seen: dict[str, object], used: Iterable[Usage]) -> PoolCheckView:
    return PoolCheckView.model_validate({**dict(pool_view(told)), **seen, "used": Usage.total(used)})


def _tiny(pool: str) -> GenerateRequest:
    message = Message(role="user", content="Say yes.")
    return GenerateRequest(pool=pool, messages=(message,), max_tokens=_FEW_TOKENS)


def _with_schema(pool: str) -> GenerateRequest:
    """A question that a model left to itself answers in prose: JSON comes from whoever enforces the schema."""
    message = Message(role="user", content="What colour is the sky by day, and how many suns are in it?")
    return GenerateRequest(
        pool=pool,
        messages=(message,),
        max_tokens=_ENOUGH_TOKENS,
        json_schema=_Sky.model_json_schema(),
        schema_name=SCHEMA_NAME,
    )


def _fits(text: str) -> bool:
    try:
        _Sky.model_validate_json(text)
    except ValidationError:
        return False
    return True
