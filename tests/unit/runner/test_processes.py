"""Worker processes: replaced when they die, and gone when we are."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork_runner.bootstrap import runtimes_behind
from graftwork_runner.errors import SandboxDown
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.settings import RunnerSettings
from tests.support.eventually import assert_eventually
from tests.support.family import own_processes
from tests.support.workflow_bench import SEEDS
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches

HEAD = "async def workflow(ctx, seed):\n"
ONE_CALL = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
HOLDER = """
import asyncio, psutil, sys
from graftwork.contracts.workflows import Workflow
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Chunk, Limits, SeedInput

async def main():
    runtime = MontyRuntime(Limits(turn_seconds=1.0), processes=1)
    await runtime.start()
    print(*[child.pid for child in psutil.Process().children()], flush=True)
    if sys.argv[1] == "leave":
        await runtime.close()
        return
    code = "async def workflow(ctx, seed):\\n    while True: pass\\n"
    await runtime.run(Chunk(Workflow(prompts={}, code=code), [SeedInput(0, {})], "e", 60), None)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def workers() -> list[int]:
    """Sandbox workers of this process, wherever their launchers are."""
    below = {child.pid for child in own_processes()}
    return [each.pid for each in psutil.process_iter(["name"]) if each.pid in below and each.info["name"] == "monty"]


def nobody_left() -> None:
    assert workers() == []


async def test_a_closed_runtime_leaves_no_process(benches: Benches) -> None:
    async with benches.open() as bench:
        await bench.run(ONE_CALL)
        assert workers() != []
    await assert_eventually(nobody_left)


@pytest.mark.parametrize(("sessions", "distinct"), [(500, 1), (1, 3)])
async def test_a_worker_serves_as_many_sessions_as_it_may(sessions: int, distinct: int) -> None:
    serving: list[int] = []

    async def ask(call: ModelCall) -> str:
        serving.extend(workers())
        return call.text

    settings = RunnerSettings(sandbox_processes=1, sandbox_sessions_per_worker=sessions)
    runtimes = runtimes_behind(None, settings)
    await runtimes.start()
    bench = Bench(runtimes.of(WorkflowRuntime.MONTY))
    for _ in range(3):
        await bench.run(ONE_CALL, ask=ask, seeds=SEEDS[:1])
    await runtimes.close()
    assert (len(serving), len(set(serving))) == (3, distinct)


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


async def test_a_worker_killed_from_outside_costs_no_sample_and_no_call(benches: Benches) -> None:
    killed = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        if not killed.is_set():
            killed.set()
            for pid in workers():
                os.kill(pid, signal.SIGKILL)
        return call.text

    async with benches.open() as bench:
        result = await bench.run(ONE_CALL, ask=ask)
        assert [outcome.reason for outcome in result.outcomes] == [None] * 4
        assert len(bench.calls) == 4


@pytest.mark.parametrize("binary", ["/nowhere/monty", "/bin/false"])
async def test_without_a_worker_the_sandbox_is_down(binary: str) -> None:
    runtime = MontyRuntime(Limits(), processes=1, binary=Path(binary))
    with pytest.raises(SandboxDown, match="no sandbox worker can be started: "):
        await runtime.start()


async def test_a_busy_pool_answers_pings(benches: Benches) -> None:
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


@pytest.mark.parametrize("ending", ["leave", "be killed"])
async def test_workers_do_not_outlive_their_process(ending: str) -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, ending, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    pids = [int(pid) for pid in (await holder.stdout.readline()).split()]
    assert pids != []
    if ending == "be killed":
        holder.kill()
    await holder.wait()
    assert holder.returncode == (0 if ending == "leave" else -signal.SIGKILL)

    def gone() -> None:
        assert [pid for pid in pids if psutil.pid_exists(pid)] == []

    await assert_eventually(gone)
