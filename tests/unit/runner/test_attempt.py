"""What a session's code can make us keep, and make us do."""

import asyncio
import json

from graftwork.contracts.workflows import FailureReason
from graftwork.models.templates import Template
from graftwork_runner.attempt import Attempt
from graftwork_runner.attempt import Reply
from graftwork_runner.attempt import Script
from graftwork_runner.board import Board
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import SeedInput

LIMITS = Limits(calls_per_sample=3)
SEEDS = [SeedInput(0, {}), SeedInput(1, {})]


class CountedTemplate(Template):
    """Counts how often it is rendered."""

    rendered = 0

    def render(self, *args: object, **more: object) -> str:
        self.rendered += 1
        return super().render(*args, **more)  # type: ignore[arg-type]


class Session:
    """An attempt without a sandbox: the test is the code."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self.asked: list[ModelCall] = []
        self.template = CountedTemplate("draft", "Write about {{ topic }}.")
        self.board = Board(self._answer, calls_per_sample=LIMITS.calls_per_sample, group=group)
        self.script = Script({"draft": self.template}, "entropy", LIMITS)
        self.attempt = Attempt(self.board, self.script, SEEDS)

    async def ask(self, topic: str, index: int = 0, attempt: Attempt | None = None) -> Reply | None:
        given = json.dumps({"topic": topic})
        return await (attempt or self.attempt).ask(index, "draft", given, wants_json=False)

    async def _answer(self, call: ModelCall) -> str:
        self.asked.append(call)
        return f"{call.text} #{call.occurrence}"


async def test_calls_beyond_the_limit_leave_nothing_behind_and_are_not_even_rendered() -> None:
    async with asyncio.TaskGroup() as group:
        session = Session(group)
        replies = [await session.ask(f"{number}") for number in range(100)]
    assert [reply is not None for reply in replies] == [True] * 3 + [False] * 97
    assert len(session.attempt._occurrences) == 3
    assert session.template.rendered == 4, "the fourth told that there are too many"
    assert session.board.outcomes[0].reason is FailureReason.LIMIT_EXCEEDED


async def test_a_seed_that_is_through_asks_nothing_more() -> None:
    async with asyncio.TaskGroup() as group:
        session = Session(group)
        await session.ask("a")
        session.attempt.succeeded(0, "{}")
        assert await session.ask("b") is None
        assert await session.ask("b", index=1) is not None
    assert (len(session.attempt._occurrences), session.template.rendered) == (2, 2)


async def test_equal_calls_are_told_apart_in_every_session_alike() -> None:
    async with asyncio.TaskGroup() as group:
        session = Session(group)
        first = [await session.ask("a") for _ in range(2)]
        again = Attempt(session.board, session.script, SEEDS)
        assert [await session.ask("a", attempt=again) for _ in range(2)] == first
    assert [call.occurrence for call in session.asked] == [0, 1]


async def test_a_replay_keeps_nothing_of_what_was_never_asked() -> None:
    async with asyncio.TaskGroup() as group:
        session = Session(group)
        known = await session.ask("a")
        session.attempt.crashed(0, "ValueError", "")
        replay = Attempt(session.board, session.script, SEEDS[:1], replay=True)
        assert await session.ask("a", attempt=replay) == known
        assert [await session.ask(f"{number}", attempt=replay) for number in range(50)] == [None] * 50
    assert len(replay._occurrences) == 1
    assert len(session.asked) == 1
