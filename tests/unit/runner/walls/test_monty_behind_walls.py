"""Workflows behind each wall: the same outcomes, and workers that are held."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from graftwork_runner.errors import SandboxDown
from graftwork_runner.errors import WallDown
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.walls import ProcessLimits
from graftwork_runner.walls import Wall
from graftwork_runner.walls.enclosed import EnclosedProgram
from graftwork_runner.walls.tools import tool
from tests.support.family import own_processes
from tests.support.walls import EVERY_WALL
from tests.support.walls import needs_bwrap
from tests.support.walls import standing
from tests.support.workflow_bench import LIMITS
from tests.support.workflow_bench import Bench

HEAD = "async def workflow(ctx, seed):\n"
ONE_CALL = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
ENDLESS = HEAD + "    while True: pass\n"
HUNGRY = HEAD + '    text = "x" * 1000\n    while True: text += text\n'


@pytest.fixture(params=EVERY_WALL)
def wall(request: pytest.FixtureRequest) -> Wall:
    return standing(request.param)


@pytest.fixture
async def bench(wall: Wall) -> AsyncIterator[Bench]:
    patient = replace(LIMITS, turn_seconds=5.0)  # checking types takes its time on gVisor
    runtime = MontyRuntime(patient, processes=2, wall=wall)
    await runtime.start()
    yield Bench(runtime)
    await runtime.close()


def below_us(name: str) -> list[int]:
    """Processes that we or our children started, with this name."""
    below = {child.pid for child in own_processes()}
    return [each.pid for each in psutil.process_iter(["name"]) if each.pid in below and each.info["name"] == name]


async def test_a_workflow_runs_and_its_walls_are_named(wall: Wall, bench: Bench) -> None:
    result = await bench.run(ONE_CALL)
    assert bench.runtime.walls == ("monty", wall.name)
    assert [outcome.record for outcome in result.outcomes] == [
        f'{{"text": "Write about topic {index}. #0"}}' for index in range(4)
    ]


async def test_what_a_workflow_gets_wrong_is_told_as_without_a_wall(bench: Bench) -> None:
    result = await bench.run(HEAD + '    return {"text": seed["nope"]}\n')
    assert result.outcomes[0].detail == "KeyError: 'nope'"
    assert result.trace is not None
    assert result.trace.startswith("workflow.py, line 2, in workflow: ")


@pytest.mark.parametrize(("code", "reason"), [(ENDLESS, "timed_out"), (HUNGRY, "limit_exceeded")])
async def test_time_and_memory_end_a_session_and_not_the_worker_s_wall(bench: Bench, code: str, reason: str) -> None:
    result = await bench.run(code, seeds=[{}])
    assert [outcome.reason for outcome in result.outcomes] == [reason]
    assert [outcome.reason for outcome in (await bench.run(ONE_CALL)).outcomes] == [None] * 4


@needs_bwrap
async def test_every_worker_is_held_to_limits_of_its_own() -> None:
    wall = standing("bubblewrap")
    runtime = MontyRuntime(replace(LIMITS, memory_bytes=64 << 20), processes=1, wall=wall)
    others = set(below_us("monty"))
    await runtime.start()
    [worker] = set(below_us("monty")) - others
    [launcher] = [each.pid for each in psutil.Process(worker).parents() if each.ppid() == os.getpid()]
    assert wall.faults(launcher, ProcessLimits(memory_bytes=(64 + 512) << 20, processes=8)) == []
    await runtime.close()


@needs_bwrap
async def test_a_worker_whose_launcher_is_killed_goes_with_it_and_is_replaced() -> None:
    killed = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        if not killed.is_set():
            killed.set()
            for launcher in set(below_us("unshare")) - others:
                os.kill(launcher, signal.SIGKILL)
        return call.text

    runtime = MontyRuntime(LIMITS, processes=1, wall=standing("bubblewrap"))
    others = {*below_us("monty"), *below_us("unshare")}
    await runtime.start()
    [worker] = set(below_us("monty")) - others
    result = await Bench(runtime).run(ONE_CALL, ask=ask)
    assert [outcome.reason for outcome in result.outcomes] == [None] * 4
    assert worker not in below_us("monty")
    await runtime.close()


@pytest.mark.parametrize("binary", ["/bin/false", "/bin/cat"])
async def test_a_worker_that_does_not_start_behind_the_wall_is_a_sandbox_that_is_down(wall: Wall, binary: str) -> None:
    runtime = MontyRuntime(Limits(turn_seconds=0.1), processes=1, binary=Path(binary), wall=wall)
    with pytest.raises(SandboxDown, match="no sandbox worker can be started: "):
        await runtime.start()


async def test_a_worker_that_is_not_there_cannot_be_shown_behind_the_wall(wall: Wall) -> None:
    with pytest.raises(WallDown, match="/nowhere/monty"):
        MontyRuntime(Limits(), processes=1, binary=Path("/nowhere/monty"), wall=wall)


@needs_bwrap
def test_a_machine_that_cannot_say_what_a_worker_needs_is_no_accident(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wall = standing("bubblewrap")
    for name, content in (("ldd", b"no program"), ("worker", Path(tool("cat")).read_bytes())):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(WallDown, match="Exec format error"):
        MontyRuntime(Limits(), processes=1, binary=tmp_path / "worker", wall=wall)


class Gullible:
    """A wall that only claims to be one; its judge is the real one."""

    name = "gullible"

    def __init__(self, judge: Wall) -> None:
        self._judge = judge

    def command(self, argv: Sequence[str], *, readable: Sequence[Path] = (), limits: ProcessLimits) -> tuple[str, ...]:
        del readable, limits
        return (tool("env"), "-i", *argv)

    def faults(self, launcher: int, limits: ProcessLimits) -> list[str]:
        return self._judge.faults(launcher, limits)

    def close(self) -> None:
        """Nothing to do."""


@needs_bwrap
@pytest.mark.parametrize(
    ("program", "seconds", "complaint"),
    [("sleep", 0.01, "it does not end within 0.01 s"), ("no-such", 60, "No such file or directory")],
)
def test_what_keeps_a_program_from_complaining_is_the_complaint(program: str, seconds: float, complaint: str) -> None:
    path = Path(tool("sleep")).with_name(program)
    enclosed = EnclosedProgram(Gullible(standing("bubblewrap")), path, ProcessLimits(memory_bytes=1 << 30))
    assert complaint in enclosed.complaint("600", seconds=seconds)
    enclosed.close()


@needs_bwrap
async def test_a_worker_that_runs_and_is_not_held_is_not_used() -> None:
    runtime = MontyRuntime(LIMITS, processes=1, wall=Gullible(standing("bubblewrap")))
    others = set(below_us("monty"))
    with pytest.raises(WallDown, match=r"^a worker behind gullible is not held: .*its system calls are not filtered"):
        await runtime.start()
    assert set(below_us("monty")) <= others
