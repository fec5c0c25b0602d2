"""A tiny call, made when nobody else makes one: an engine that is wedged goes on to list its models."""

import asyncio

from graftwork.kit.clock import Clock
from graftwork.kit.errors import DependencyDown
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers import metrics
from graftwork_solvers.asking import ask_in_dialect
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.pools import Pools
from graftwork_solvers.pools import Serving

_PROMPT = Message(role="user", content="Hi")


class Canary:
    """Asks ``pool`` for one token, or one embedding, when the endpoint has answered no chat for ``every_seconds``.

    Answers to real calls prove as much, so a busy pod pays nothing for it. The call goes past the
    gate: a wedged engine would keep every place taken.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        pools: Pools,
        clock: Clock,
        *,
        pool: str,
        every_seconds: float,
        longest_seconds: float,
        embeds: bool = False,
    ) -> None:
        self._endpoint = endpoint
        self._pools = pools
        self._clock = clock
        self._request = GenerateRequest(pool=pool, messages=(_PROMPT,), max_tokens=1)
        self._every_seconds = every_seconds
        self._longest_seconds = longest_seconds
        self._embeds = embeds
        self._known_answers = endpoint.chats_answered
        self._since = clock.now()

    async def sing(self, *, now: bool = False) -> None:
        """Make the call if it is due, or ``now``. Raises what it fails with, ``DependencyDown`` if nothing comes."""
        if not (now or self._due()):
            return
        try:
            async with asyncio.timeout(self._longest_seconds):
                serving = await self._pools.serving(self._request.pool, None)
                await self._ask(serving)
        except TimeoutError as error:
            metrics.CANARIES.labels("silent").inc()
            raise DependencyDown(
                f"the endpoint {self._endpoint.url} lists its models, but wrote no token in {self._longest_seconds:g} s"
            ) from error
        metrics.CANARIES.labels("ok").inc()
        self._since = self._clock.now()

    async def _ask(self, serving: Serving) -> None:
        if self._embeds:
            await self._endpoint.embed(serving.model, (_PROMPT.content,))
        else:
            await ask_in_dialect(self._endpoint, self._request, serving)

    def _due(self) -> bool:
        if self._endpoint.chats_answered != self._known_answers:
            self._known_answers, self._since = self._endpoint.chats_answered, self._clock.now()
        return (self._clock.now() - self._since).total_seconds() >= self._every_seconds
