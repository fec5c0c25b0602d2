"""Calls of a session that wait for an answer, and the order in which answers are handed in.

Only one is handed in at a time, and the session has come to rest before the next: so only the seed that asked is
running, and the seeds cannot disturb each other's random numbers. Answers of one seed are handed in in the order of
its calls: so its run is the same whichever answer arrives first. Seeds do not wait for each other.
"""

import asyncio
from collections import deque
from collections.abc import Container
from collections.abc import Coroutine
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graftwork_runner.attempt import Attempt
from graftwork_runner.attempt import Reply
from graftwork_runner.attempt import ReplyKind


@dataclass(frozen=True)
class Call:
    """A call that the sandbox waits for; its task ends with what to hand in, or None for never."""

    call_id: int
    task: asyncio.Task[Reply | None]

    @property
    def reply(self) -> Reply:
        """What to hand in, of a call that is due."""
        reply = self.task.result()
        assert reply is not None  # noqa: S101 (silenced calls are never due)
        return reply


class Calls:
    """Calls of one attempt. ``group`` owns those that wait."""

    def __init__(self, attempt: Attempt, group: asyncio.TaskGroup) -> None:
        self._attempt = attempt
        self._group = group
        self._waiting: dict[int, deque[Call]] = {seed.index: deque() for seed in attempt.seeds}
        self.silenced: set[int] = set()

    def begin(self, index: int, call_id: int) -> None:
        """A seed waits for its turn to begin, and for its random numbers."""
        self._promise(index, call_id, self._begin(index))

    def ask(self, index: int, call_id: int, name: str, variables: str, *, wants_json: bool) -> None:
        """A seed asks the model."""
        self._promise(index, call_id, self._attempt.ask(index, name, variables, wants_json=wants_json))

    async def next_due(self, pending: Container[int]) -> Call | None:
        """Take the call to answer next, once it can be; None if none of those ``pending`` ever will be."""
        while not self._attempt.ended:
            heads = dict(self._heads(pending))
            if not heads:
                return None
            done, _ = await asyncio.wait(heads, return_when=asyncio.FIRST_COMPLETED)
            index = min(heads[task] for task in done)
            if self._waiting[index][0].task.result() is not None:
                return self._waiting[index].popleft()
            self.silenced.add(index)
        return None

    def close(self) -> None:
        """End the calls that still wait; the model calls behind them go on."""
        for calls in self._waiting.values():
            for call in calls:
                call.task.cancel()

    def _promise(self, index: int, call_id: int, promised: Coroutine[Any, Any, Reply | None]) -> None:
        self._waiting[index].append(Call(call_id, self._group.create_task(promised)))

    async def _begin(self, index: int) -> Reply:
        return Reply(ReplyKind.ANSWERED, "", self._attempt.script.entropy_of(index))

    def _heads(self, pending: Container[int]) -> Iterator[tuple[asyncio.Task[Any], int]]:
        """Oldest call of every seed that may go on. A call whose caller is gone by now is dropped."""
        for index, calls in self._waiting.items():
            while calls and calls[0].call_id not in pending:
                calls.popleft().task.cancel()
            if calls and index not in self.silenced:
                yield calls[0].task, index
