"""Processes of the runtime cpython: one for each session, and none when it is over."""

import asyncio
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork_runner.bootstrap import runtimes_behind
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.errors import RuntimeRefused
from graftwork_runner.errors import SandboxDown
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.settings import RunnerSettings
from tests.support.eventually import assert_eventually
from tests.support.walls import EVERY_WALL
from tests.support.walls import standing
from tests.support.workflow_bench import LIMITS
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import trees

HEAD = "async def workflow(ctx, seed):\n"
ONE_CALL = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
every_wall = pytest.mark.parametrize("wall", EVERY_WALL, indirect=True)


def workers() -> list[psutil.Process]:
    """Processes below this one in which the interpreter of workflows runs, or is about to."""
    return [child for child in psutil.Process().children(recursive=True) if _runs_workflows(child)]


def _runs_workflows(process: psutil.Process) -> bool:
    try:
        return any(str(trees()) in part for part in process.cmdline())
    except psutil.Error:
        return False


def nobody_left() -> None:
    assert workers() == []


class NoProgram:
    """A wall behind which nothing starts."""

    name = "broken"

    def command(self, *_argv: object, **_more: object) -> tuple[str, ...]:
        return ("/bin/sh", "-c", "echo no such luck >&2")

    def faults(self, *_asked: object) -> list[str]:
        return []

    def close(self) -> None:
        """Nothing is kept."""


class Loose(NoProgram):
    """A wall that holds nobody."""

    def command(self, *_argv: object, **_more: object) -> tuple[str, ...]:
        return ("/bin/cat",)

    def faults(self, *_asked: object) -> list[str]:
        return ["it runs as root"]


@every_wall
async def test_a_closed_runtime_leaves_no_process(benches: Benches) -> None:
    async with benches.open() as bench:
        await bench.run(ONE_CALL)
        assert workers() != []
    await assert_eventually(nobody_left)


@every_wall
async def test_an_interrupted_chunk_leaves_no_process(benches: Benches) -> None:
    asked = asyncio.Event()

    async def ask(_call: ModelCall) -> str:
        asked.set()
        await asyncio.Event().wait()
        return ""

    async with benches.open() as bench, asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(ONE_CALL, ask=ask))
        await asked.wait()
        running.cancel()
    await assert_eventually(nobody_left)


@every_wall
async def test_a_worker_killed_from_outside_costs_no_sample_and_no_call(benches: Benches) -> None:
    killed = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        if not killed.is_set():
            killed.set()
            for process in workers():
                with suppress(psutil.NoSuchProcess):  # it went with the one before
                    process.kill()
        return call.text

    async with benches.open() as bench:
        result = await bench.run(ONE_CALL, ask=ask)
    assert [outcome.reason for outcome in result.outcomes] == [None] * 4
    assert len(bench.calls) == 4


@every_wall
async def test_no_process_serves_twice(benches: Benches) -> None:
    code = (
        "import sys\nsys.kept = getattr(sys, 'kept', 0) + 1\n" + HEAD + "    return {'kept': __import__('sys').kept}\n"
    )
    async with benches.open(processes=1) as bench:
        results = [await bench.run(code, seeds=[{}]) for _ in range(3)]
    assert [result.outcomes[0].record for result in results] == ['{"kept": 1}'] * 3


async def test_a_busy_runtime_answers_pings(benches: Benches) -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    async def ask(call: ModelCall) -> str:
        waiting.set()
        await go.wait()
        return call.text

    async with benches.open(processes=1) as bench, asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(ONE_CALL, ask=ask))
        await waiting.wait()
        await bench.runtime.ping()
        go.set()
        assert [outcome.reason for outcome in (await running).outcomes] == [None] * 4


async def test_a_ping_that_is_given_up_loses_no_process(benches: Benches) -> None:
    async with benches.open() as bench:
        before = {process.pid for process in workers()}
        async with asyncio.TaskGroup() as group:
            ping = group.create_task(bench.runtime.ping())
            ping.cancel()
        await bench.runtime.ping()
        assert {process.pid for process in workers()} == before


async def test_what_does_not_start_is_down_and_says_why() -> None:
    runtime = CPythonRuntime(LIMITS, wall=NoProgram(), home=trees(), processes=1)
    with pytest.raises(SandboxDown, match="cpython does not work behind broken: no such luck"):
        await runtime.start()
    await runtime.close()


async def test_no_code_is_run_behind_a_wall_that_does_not_hold() -> None:
    runtime = CPythonRuntime(LIMITS, wall=Loose(), home=trees(), processes=1)
    with pytest.raises(SandboxDown, match="it is not held: it runs as root"):
        await runtime.start()
    await runtime.close()


async def test_a_home_that_others_cannot_reach_works_too(tmp_path: Path) -> None:
    """``tmp_path`` is its owner's alone."""
    runtime = CPythonRuntime(LIMITS, wall=standing("bubblewrap"), home=tmp_path, processes=1)
    await runtime.start()
    await runtime.close()


def test_without_a_wall_cpython_is_refused_even_if_it_is_allowed() -> None:
    settings = RunnerSettings(sandbox_runtimes="monty,cpython")
    runtimes = runtimes_behind(None, settings)
    assert runtimes.names == [WorkflowRuntime.MONTY]
    with pytest.raises(RuntimeRefused, match="needs a wall of the machine around it, and none stands here"):
        runtimes.of(WorkflowRuntime.CPYTHON)


def test_what_is_not_allowed_is_refused_with_the_setting_that_would_allow_it() -> None:
    runtimes = runtimes_behind(standing("bubblewrap"), RunnerSettings())
    with pytest.raises(RuntimeRefused, match=r"not allowed here: GRAFTWORK_SANDBOX_RUNTIMES has monty$"):
        runtimes.of(WorkflowRuntime.CPYTHON)
