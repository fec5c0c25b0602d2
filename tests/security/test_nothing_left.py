"""Bombs and daemons are over when their session is: no process, no file, no memory is left of them."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.walls.gvisor import Gvisor
from tests.security.probes.resources import LINE
from tests.support.eventually import assert_eventually
from tests.support.family import own_processes
from tests.support.probes import as_workflow
from tests.support.walls import EVERY_WALL
from tests.support.walls import standing
from tests.support.workflow_bench import LIMITS
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import trees

BOMBS = (
    "fork bomb",
    "thread bomb",
    "600 MiB",
    "SIGTERM ignored, computing on",
    "a daemon: setsid, double fork, SIGTERM ignored",
    "1 GB to the runner",
    "1 GB to the runner, as one frame",
    "threads that compute after the result",
    "a disk filled",
)
CALL = '    await ctx.llm("draft", topic=1)\n'
MOST_GROWTH_BYTES = 100 << 20
OF_THE_LAST = 2
"""The last sandbox and the one that stood ready: what gVisor keeps of them goes with the next, or with the runner."""


class Watched:
    """A bench, and every process that was seen below this one while its workflows ran."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.seen: set[psutil.Process] = set()

    async def run(self, body: str) -> None:
        head, _, rest = as_workflow(body).partition("\n")
        await self._bench.run(f"{head}\n{CALL}{rest}", ask=self._answer, seeds=[{"index": 0}])

    async def _answer(self, call: ModelCall) -> str:
        self.seen |= {*own_processes()}
        return call.text


@asynccontextmanager
async def watched(name: str) -> AsyncIterator[Watched]:
    wall = standing(name)  # type: ignore[arg-type]
    runtime = CPythonRuntime(LIMITS, wall=wall, home=trees(), processes=1)
    await runtime.start()
    try:
        yield Watched(Bench(runtime))
    finally:
        await runtime.close()


def alive(processes: set[psutil.Process]) -> set[int]:
    return {each.pid for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE}


def files_of(name: str) -> set[Path]:
    """What is left on this machine of sandboxes that are over."""
    wall = standing(name)  # type: ignore[arg-type]
    rooms = {*wall._state.iterdir()} if isinstance(wall, Gvisor) else set()
    places = (Path(tempfile.gettempdir(), "fill"), Path("/dev/shm/fill"))  # noqa: S108 (looked at only)
    return {room for room in rooms if not psutil.pid_exists(int(room.name))} | {p for p in places if p.exists()}


@pytest.mark.parametrize("name", EVERY_WALL)
async def test_of_bombs_and_daemons_nothing_is_left(name: str) -> None:
    bodies = [probe.source for probe in LINE.probes if probe.name in BOMBS]
    assert len(bodies) == len(BOMBS)
    standing(name)  # type: ignore[arg-type]
    before = {*own_processes()}
    async with watched(name) as bench:
        await bench.run("async def attempt(ctx, seed):\n    return 1\n")
        memory = psutil.Process().memory_info().rss
        for body in bodies:
            await bench.run(body)
        assert psutil.Process().memory_info().rss - memory < MOST_GROWTH_BYTES
    assert bench.seen - before != set()

    def gone() -> None:
        assert alive({*bench.seen, *own_processes()} - before) == set()
        assert len(files_of(name)) <= OF_THE_LAST

    await assert_eventually(gone)
