"""Answers the calls of a suspended session, one at a time and in an order that does not depend on luck.

Only one reply is handed in at a time, and the session has come to rest before the next: so only the seed
that asked is running, and the seeds cannot disturb each other's random numbers. Replies of one seed are
handed in in the order of its calls: so its run is the same whichever answer arrives first. Seeds do not
wait for each other.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from uuid import uuid4

from pydantic_monty import AsyncFunctionSnapshot
from pydantic_monty import AsyncFutureSnapshot
from pydantic_monty import AsyncNameLookupSnapshot
from pydantic_monty import ClassInstance
from pydantic_monty import MontyComplete

from graftwork_runner.attempt import Attempt

Snapshot = AsyncFunctionSnapshot | AsyncFutureSnapshot | AsyncNameLookupSnapshot | MontyComplete


@dataclass(frozen=True)
class _Call:
    """A call that the sandbox waits for; its task ends with what to hand in, or None for never."""

    call_id: int
    task: asyncio.Task[str | list[str] | None]


class _Host:
    """What the code holds of a seed; its calls are routed by identity and never reach this object."""


class Desk:
    """Serves one attempt. ``group`` owns the calls that wait."""

    def __init__(self, attempt: Attempt, group: asyncio.TaskGroup) -> None:
        self._attempt = attempt
        self._group = group
        self._seed_of: dict[UUID, int] = {}
        self._waiting: dict[int, deque[_Call]] = {seed.index: deque() for seed in attempt.seeds}
        self._silenced: set[int] = set()

    def works(self) -> list[tuple[ClassInstance, dict[str, Any]]]:
        """Host object and values of every seed, for the driver."""
        return [(self._host(seed.index), dict(seed.values)) for seed in self._attempt.seeds]

    async def serve(self, snapshot: Snapshot) -> None:
        """Answer until the code ends, or until nothing that it still waits for will be answered."""
        while not isinstance(snapshot, MontyComplete):
            if isinstance(snapshot, AsyncFunctionSnapshot):
                snapshot = await self._called(snapshot)
            elif isinstance(snapshot, AsyncFutureSnapshot):
                call = await self._next_due(set(snapshot.pending_call_ids))
                if call is None:
                    return
                snapshot = await snapshot.resume({call.call_id: {"return_value": call.task.result()}})
            else:
                snapshot = await snapshot.resume_auto()

    def close(self) -> None:
        """End the calls that still wait; the model calls behind them go on."""
        for calls in self._waiting.values():
            for call in calls:
                call.task.cancel()

    def _host(self, index: int) -> ClassInstance:
        identity = uuid4()
        self._seed_of[identity] = index
        return ClassInstance(_Host(), id=identity)

    async def _called(self, snapshot: AsyncFunctionSnapshot) -> Snapshot:
        index = None if snapshot.object_id is None else self._seed_of.get(snapshot.object_id)
        if index is None:
            return await snapshot.resume_auto()
        promised = self._promise(index, str(snapshot.function_name), [str(argument) for argument in snapshot.args])
        if promised is None:
            return await snapshot.resume({"return_value": None})
        self._waiting[index].append(_Call(snapshot.call_id, self._group.create_task(promised)))
        return await snapshot.resume({"future": ...})

    def _promise(
        self, index: int, method: str, arguments: list[str]
    ) -> Coroutine[Any, Any, str | list[str] | None] | None:
        """Take note of a report at once (None), or promise what was asked for."""
        match method, arguments:
            case "begin", []:
                return self._begin(index)
            case "ask", [name, variables, wants_json]:
                return self._ask(index, name, variables, wants_json=wants_json == str(True))
            case "done", [record]:
                self._attempt.succeeded(index, record)
            case "unfit", [problem]:
                self._attempt.unfit(index, problem)
            case "failed", [kind, message]:
                self._attempt.crashed(index, kind, message)
        return None

    async def _begin(self, index: int) -> str:
        return self._attempt.script.entropy_of(index)

    async def _ask(self, index: int, name: str, variables: str, *, wants_json: bool) -> list[str] | None:
        reply = await self._attempt.ask(index, name, variables, wants_json=wants_json)
        return None if reply is None else [reply.kind.value, reply.text, reply.entropy]

    async def _next_due(self, pending: set[int]) -> _Call | None:
        """Take the call to answer next, once it can be; None if none of those ``pending`` ever will be."""
        while not self._attempt.ended:
            heads = dict(self._heads(pending))
            if not heads:
                return None
            done, _ = await asyncio.wait(heads, return_when=asyncio.FIRST_COMPLETED)
            index = min(heads[task] for task in done)
            call = self._waiting[index][0]
            if call.task.result() is not None:
                return self._waiting[index].popleft()
            self._silenced.add(index)
        return None

    def _heads(self, pending: set[int]) -> Iterator[tuple[asyncio.Task[Any], int]]:
        """Oldest call of every seed that may go on. A call whose caller is gone by now is dropped."""
        for index, calls in self._waiting.items():
            while calls and calls[0].call_id not in pending:
                calls.popleft().task.cancel()
            if calls and index not in self._silenced:
                yield calls[0].task, index
