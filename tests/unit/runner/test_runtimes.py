"""The runtimes of a runner, started together or not at all."""

import pytest

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork_runner.bootstrap import runtimes_behind
from graftwork_runner.errors import SandboxDown
from graftwork_runner.runtimes import NO_WALL
from graftwork_runner.runtimes import Runtimes
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.settings import RunnerSettings

MONTY, CPYTHON = WorkflowRuntime.MONTY, WorkflowRuntime.CPYTHON


class Noted:
    """A runtime that runs nothing, and says what was done with it."""

    walls = ("paper",)

    def __init__(self, *, starts: bool = True, closes: bool = True) -> None:
        self.done: list[str] = []
        self._starts = starts
        self._closes = closes

    async def start(self) -> None:
        self.done.append("start")
        if not self._starts:
            raise SandboxDown("no such luck")

    async def close(self) -> None:
        self.done.append("close")
        if not self._closes:
            raise OSError("no way out")

    async def ping(self) -> None:
        self.done.append("ping")

    async def run(self, chunk: Chunk, ask: AskModel) -> ChunkResult:
        raise NotImplementedError


async def test_a_runner_without_any_runtime_does_not_start_and_says_why() -> None:
    runtimes = runtimes_behind(None, RunnerSettings(sandbox_runtimes=(CPYTHON,)))
    with pytest.raises(SandboxDown, match="no runtime can be started: ") as raised:
        await runtimes.start()
    assert NO_WALL in str(raised.value)


async def test_one_that_does_not_start_leaves_no_other_behind() -> None:
    first, second = Noted(), Noted(starts=False)
    with pytest.raises(SandboxDown, match="no such luck"):
        await Runtimes({MONTY: first, CPYTHON: second}).start()
    assert (first.done, second.done) == (["start", "close"], ["start"])


async def test_all_that_start_stay_until_they_are_closed() -> None:
    first, second = Noted(), Noted()
    runtimes = Runtimes({MONTY: first, CPYTHON: second})
    await runtimes.start()
    assert (first.done, second.done) == (["start"], ["start"])
    await runtimes.close()
    assert (first.done, second.done) == (["start", "close"], ["start", "close"])


async def test_one_that_cannot_be_closed_keeps_no_other_open() -> None:
    first, second = Noted(), Noted(closes=False)
    with pytest.raises(OSError, match="no way out"):
        await Runtimes({MONTY: first, CPYTHON: second}).close()
    assert first.done == ["close"]
