"""Serves a suspended Monty session: takes its calls and reports, and hands answers in, one at a time (``calls``)."""

import asyncio
from typing import Any
from uuid import UUID
from uuid import uuid4

from pydantic_monty import AsyncFunctionSnapshot
from pydantic_monty import AsyncFutureSnapshot
from pydantic_monty import AsyncNameLookupSnapshot
from pydantic_monty import ClassInstance
from pydantic_monty import MontyComplete

from graftwork_runner.attempt import Attempt
from graftwork_runner.calls import Calls

Snapshot = AsyncFunctionSnapshot | AsyncFutureSnapshot | AsyncNameLookupSnapshot | MontyComplete


class _Host:
    """What the code holds of a seed; its calls are routed by identity and never reach this object."""


class Desk:
    """Serves one attempt. ``group`` owns the calls that wait."""

    def __init__(self, attempt: Attempt, group: asyncio.TaskGroup) -> None:
        self._attempt = attempt
        self._calls = Calls(attempt, group)
        self._seed_of: dict[UUID, int] = {}

    def works(self) -> list[tuple[ClassInstance, dict[str, Any]]]:
        """Host object and values of every seed, for the driver."""
        return [(self._host(seed.index), dict(seed.values)) for seed in self._attempt.seeds]

    async def serve(self, snapshot: Snapshot) -> None:
        """Answer until the code ends, or until nothing that it still waits for will be answered."""
        while not isinstance(snapshot, MontyComplete):
            if isinstance(snapshot, AsyncFunctionSnapshot):
                snapshot = await self._called(snapshot)
            elif isinstance(snapshot, AsyncFutureSnapshot):
                call = await self._calls.next_due(set(snapshot.pending_call_ids))
                if call is None:
                    return
                reply = call.reply
                told = [reply.kind.value, reply.text, reply.entropy]
                snapshot = await snapshot.resume({call.call_id: {"return_value": told}})
            else:
                snapshot = await snapshot.resume_auto()

    def close(self) -> None:
        """End the calls that still wait; the model calls behind them go on."""
        self._calls.close()

    def _host(self, index: int) -> ClassInstance:
        identity = uuid4()
        self._seed_of[identity] = index
        return ClassInstance(_Host(), id=identity)

    async def _called(self, snapshot: AsyncFunctionSnapshot) -> Snapshot:
        index = None if snapshot.object_id is None else self._seed_of.get(snapshot.object_id)
        if index is None:
            return await snapshot.resume_auto()
        arguments = [_plain(argument) for argument in snapshot.args]
        if self._promised(index, snapshot.call_id, str(snapshot.function_name), arguments):
            return await snapshot.resume({"future": ...})
        return await snapshot.resume({"return_value": None})

    def _promised(self, index: int, call_id: int, method: str, arguments: list[str]) -> bool:
        """Promise what was asked for, or take note of a report at once (False)."""
        match method, arguments:
            case "begin", []:
                self._calls.begin(index, call_id)
                return True
            case "ask", [name, variables, wants_json]:
                self._calls.ask(index, call_id, name, variables, wants_json=wants_json == str(True))
                return True
            case "done", [record]:
                self._attempt.succeeded(index, record)
            case "unfit", [problem]:
                self._attempt.unfit(index, problem)
            case "failed", [kind, message]:
                self._attempt.crashed(index, kind, message)
        return False


def _plain(argument: object) -> str:
    """Our code inside sends text and truth values; whoever sends more must not have us spell it out."""
    return str(argument) if isinstance(argument, str | bool) else ""
