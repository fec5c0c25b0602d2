"""Obeys orders: load a workflow, run it over seeds, take an answer."""

import asyncio
import inspect
import json
import os
import signal
import sys
import types
from typing import Any

from . import sameness
from .asking import Calls
from .asking import Ctx
from .channel import Channel
from .channel import Sink
from .channel import plain
from .channel import silence
from .failures import told
from .failures import where
from .turns import TurnLoop
from .turns import sleep_takes_no_time

_ENTRY_POINT = "workflow"
_OWN_FRAMES = 40
_RESERVE_BYTES = 1 << 20


class Worker:
    """One session: one workflow and one attempt at its seeds."""

    def __init__(self, channel: Channel, sink: Sink) -> None:
        self._channel = channel
        self._sink = sink
        self._calls = Calls(channel)
        self._reserve = bytearray(_RESERVE_BYTES)
        self._module = types.ModuleType("workflow")
        self._turn_seconds = 0.0
        self._output_chars = 0

    def obey(self) -> None:
        """Take orders, until there are no more."""
        while True:
            order = self._order()
            if order["do"] == "load":
                self._load(order)
            elif order["do"] == "run":
                self._run(order)

    def _order(self) -> dict[str, Any]:
        """Wait for an order. The turn that it begins is told where it is before it is ended from outside."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        order = self._channel.receive()
        if "turn_seconds" in order:
            self._turn_seconds = order["turn_seconds"]
            signal.signal(signal.SIGALRM, self._tell_where)
        signal.setitimer(signal.ITIMER_REAL, self._turn_seconds)
        return order

    def _tell_where(self, _signal: int, frame: types.FrameType | None) -> None:
        self._channel.send_unless_speaking("where", lines=where(frame))

    def _load(self, order: dict[str, Any]) -> None:
        self._sink.chars_left = order["print_bytes"]
        self._output_chars = order["output_chars"]
        sys.setrecursionlimit(order["recursion_depth"] + _OWN_FRAMES)
        sys.modules["workflow"] = self._module
        self._module.__dict__.update({"Any": Any, "Ctx": Ctx, "Seed": dict[str, Any]})
        sameness.reseed(order["entropy"])
        try:
            code = compile(order["code"], "workflow.py", "exec", dont_inherit=True)
            exec(code, self._module.__dict__)  # noqa: S102 (this is what the sandbox is for)
        except BaseException as error:  # noqa: BLE001 (reported)
            self._channel.send("fault", **told(error))
            return
        self._channel.send("loaded", entry_point=_ENTRY_POINT in self._module.__dict__)

    def _run(self, order: dict[str, Any]) -> None:
        loop = TurnLoop(self._rest)
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._all(order["works"]))
        except BaseException as error:  # noqa: BLE001 (SystemExit of a task of the workflow's own ends the loop)
            self._channel.send("fault", **told(error))
        else:
            self._channel.send("ended")

    def _rest(self, timers: bool) -> bool:  # noqa: FBT001 (called by position)
        self._channel.send("rest", timers=timers)
        order = self._order()
        if order["do"] == "tick":
            return True
        sameness.reseed(order["entropy"])
        self._calls.answered(order["call"], order["kind"], order["text"])
        return False

    async def _all(self, works: list[tuple[int, dict[str, Any]]]) -> None:
        await asyncio.gather(*[self._one(index, seed) for index, seed in works])

    async def _one(self, index: int, seed: dict[str, Any]) -> None:
        try:
            await self._calls.begin(index)
            record = self._module.__dict__[_ENTRY_POINT](Ctx(self._calls, index), seed)
            if not inspect.iscoroutine(record):
                raise TypeError("workflow must be an `async def`")  # noqa: TRY301
            self._report(index, await record)
        except MemoryError as error:
            self._die(error)
        except BaseException as error:  # noqa: BLE001 (reported)
            self._channel.send("failed", seed=index, **told(error))

    def _report(self, index: int, record: Any) -> None:
        try:
            text = json.dumps(record)
        except Exception as error:  # noqa: BLE001 (reported)
            self._channel.send("unfit", seed=index, problem=plain(error))
            return
        if len(text) > self._output_chars:
            problem = f"the record has {len(text)} characters; at most {self._output_chars} are allowed"
            self._channel.send("unfit", seed=index, problem=problem)
        else:
            self._channel.send("done", seed=index, record=text)

    def _die(self, error: MemoryError) -> None:
        """Whoever ran out of memory may hold on to it, and others would fail for it: the session ends."""
        self._reserve.clear()
        self._channel.send("fault", **told(error))
        os._exit(1)


def main() -> None:
    """Work until the runner has no more orders."""
    channel = Channel()
    worker = Worker(channel, silence())
    sleep_takes_no_time()
    channel.send("ready")
    worker.obey()
