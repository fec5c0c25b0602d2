"""The meter: no call starts that could overdraw the grant of its request."""

import asyncio
from collections.abc import Callable

from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import GrantExhausted
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription

DEFAULT_MAX_TOKENS = 4_096
_TOKENS_PER_MESSAGE = 16
# Chat templates put in a system prompt of their own where there is none; those we know have up to 40 tokens.
_TOKENS_OF_TEMPLATE = 128
_MILLION = 1_000_000


def token_bound(request: GenerateRequest, pool: PoolDescription | None = None) -> Usage:
    """Upper bound of a call: a token is at least one byte, and the answer stops at max_tokens.

    Endpoints that know no ``n`` are asked ``n`` times, so the prompt counts as often. ``pool`` has a say where it
    adds a prompt or fixes max_tokens.
    """
    prompt = _TOKENS_OF_TEMPLATE + sum(len(m.content.encode()) + _TOKENS_PER_MESSAGE for m in request.messages)
    if pool is not None and pool.prompt_bytes:
        prompt += pool.prompt_bytes + _TOKENS_PER_MESSAGE
    schema = 0 if request.json_schema is None else len(str(request.json_schema))
    fixed = pool.fixed.max_tokens if pool is not None and pool.fixed is not None else None
    answer = fixed or request.max_tokens or DEFAULT_MAX_TOKENS
    return Usage(calls=1, prompt_tokens=request.n * (prompt + schema), completion_tokens=request.n * answer)


def cost_of(usage: Usage, model: ModelDescription | None) -> float | None:
    """Price of a usage in USD, or None where a price is unknown."""
    if model is None or model.prompt_usd_per_mtok is None or model.completion_usd_per_mtok is None:
        return None
    paid = usage.prompt_tokens * model.prompt_usd_per_mtok + usage.completion_tokens * model.completion_usd_per_mtok
    return paid / _MILLION


def model_of(pool: PoolDescription, name: str | None) -> ModelDescription | None:
    """Description of the model that a request names, or of the pool's default."""
    wanted = name or pool.default_model
    return next((model for model in pool.models if model.name == wanted), None)


class Meter:
    """Watches one request's grant. ``spent`` tells what the journal has recorded so far.

    Bounds are generous, so calls side by side may not all fit at once: a call waits while others
    that run may still give something back, and fails only when nothing can come back any more.
    """

    def __init__(self, grant: Grant, spent: Callable[[], Usage]) -> None:
        self._grant = grant
        self._spent = spent
        self._reserved = Usage()
        self._given_back = asyncio.Condition()

    @property
    def limits_length(self) -> bool:
        """Whether an answer must be bounded before it is asked for; else the pool's own bound holds."""
        return self._grant.tokens is not None or self.limits_money

    @property
    def limits_money(self) -> bool:
        """Whether prices must be known."""
        return self._grant.cost_usd is not None

    async def reserve(self, bound: Usage) -> Usage:
        """Set ``bound`` aside for a call about to start. Raises ``GrantExhausted``."""
        if not self.limits_money:
            bound = bound.model_copy(update={"cost_usd": 0.0})
        async with self._given_back:
            while not self._fits(bound):
                if not self._reserved.calls:
                    raise GrantExhausted(self._refusal(bound))
                await self._given_back.wait()
            self._reserved = self._reserved + bound
        return bound

    async def release(self, bound: Usage) -> None:
        """Give back what was set aside; what was really used is in the journal by now."""
        async with self._given_back:
            self._reserved = _less(self._reserved, bound)
            self._given_back.notify_all()

    def _fits(self, bound: Usage) -> bool:
        committed = self._spent() + self._reserved + bound
        if not self.limits_money:
            committed = committed.model_copy(update={"cost_usd": 0.0})
        return self._grant.covers(committed)

    def _refusal(self, bound: Usage) -> str:
        return (
            f"the next call could use up to {bound.tokens} tokens, and of the grant "
            f"({_readable(self._grant)}) {_readable_usage(self._spent())} are spent"
        )


def _less(whole: Usage, part: Usage) -> Usage:
    if whole.calls == part.calls:
        return Usage()  # exactly nothing: sums of floats leave crumbs that would refuse the last call
    return Usage(
        calls=whole.calls - part.calls,
        prompt_tokens=whole.prompt_tokens - part.prompt_tokens,
        completion_tokens=whole.completion_tokens - part.completion_tokens,
        cost_usd=max(0.0, (whole.cost_usd or 0.0) - (part.cost_usd or 0.0)),
    )


def _readable(grant: Grant) -> str:
    parts = {"calls": grant.calls, "tokens": grant.tokens, "USD": grant.cost_usd}
    return ", ".join(f"{value} {name}" for name, value in parts.items() if value is not None)


def _readable_usage(usage: Usage) -> str:
    cost = "" if not usage.cost_usd else f", {usage.cost_usd:.4f} USD"
    return f"{usage.calls} calls, {usage.tokens} tokens{cost}"
