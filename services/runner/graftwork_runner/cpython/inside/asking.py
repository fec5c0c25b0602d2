"""What a workflow is given as ``ctx``, and the calls that wait for an answer."""

import asyncio
import itertools
import json
from typing import Any

from .channel import Channel
from .channel import plain

_NAME_CHARS = 200
_RAISED = {"misused": ValueError, "refused": RuntimeError}


class Calls:
    """Calls on their way: each is a future that an order ends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[str]] = {}

    async def begin(self, seed: int) -> None:
        """Wait until this seed may begin."""
        number, future = self._new()
        self._channel.send("begin", call=number, seed=seed)
        await self._answer(number, future)

    async def ask(self, seed: int, name: str, variables: dict[str, Any], *, wants_json: bool) -> str:
        """Ask the model."""
        if type(name) is not str:
            raise TypeError("the name of a prompt is text")
        told = json.dumps(variables)
        number, future = self._new()
        self._channel.send(
            "ask", call=number, seed=seed, name=plain(name, _NAME_CHARS), variables=told, wants_json=wants_json
        )
        return await self._answer(number, future)

    def answered(self, number: int, kind: str, text: str) -> None:
        """Hand an answer in."""
        future = self._waiting.get(number)
        if future is None or future.done():
            return
        if kind in _RAISED:
            future.set_exception(_RAISED[kind](text))
        else:
            future.set_result(text)

    def _new(self) -> tuple[int, "asyncio.Future[str]"]:
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        return number, future

    async def _answer(self, number: int, future: "asyncio.Future[str]") -> str:
        try:
            return await future
        except asyncio.CancelledError:
            self._channel.send("dropped", call=number)
            raise
        finally:
            del self._waiting[number]


class Ctx:
    """What workflows see."""

    __slots__ = ("_ask",)

    def __init__(self, calls: Calls, seed: int) -> None:
        async def ask(name: str, variables: dict[str, Any], *, wants_json: bool) -> str:
            return await calls.ask(seed, name, variables, wants_json=wants_json)

        self._ask = ask

    async def llm(self, name: str, /, **variables: Any) -> str:
        """Render the prompt ``name`` with ``variables``, ask the model, return its text."""
        return await self._ask(name, variables, wants_json=False)

    async def llm_json(self, name: str, /, **variables: Any) -> Any:
        """Do the same, asking for one JSON object; ``ValueError`` if the answer is none."""
        return json.loads(await self._ask(name, variables, wants_json=True))
