"""Nothing is left of a wall: not when it is closed, and not when its process is killed."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL
from subprocess import PIPE
from subprocess import Popen
from subprocess import run

import psutil
import pytest

from graftwork_runner.walls.anonymous_files import AnonymousFile
from graftwork_runner.walls.copies import Copies
from graftwork_runner.walls.private import PrivateDirectory
from graftwork_runner.walls.tools import tool
from tests.support.eventually import assert_eventually
from tests.support.walls import EVERY_WALL
from tests.support.walls import LIMITS
from tests.support.walls import python_as_nobody
from tests.support.walls import standing
from tests.support.workflow_bench import trees

HOLDER = """
import asyncio, psutil, sys
from pathlib import Path
from graftwork.contracts.workflows import Workflow
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Chunk, Limits, SeedInput
from graftwork_runner.walls import strongest_wall

async def main(name, kind, trees, ending):
    wall = strongest_wall(name)
    limits = Limits(turn_seconds=60.0)
    if kind == "cpython":
        runtime = CPythonRuntime(limits, wall=wall, home=Path(trees), processes=2)
    else:
        runtime = MontyRuntime(limits, processes=2, wall=wall)
    await runtime.start()
    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
    if ending == "leave":
        await runtime.close()
        wall.close()
        return
    code = "async def workflow(ctx, seed):\\n    while True: pass\\n"
    await runtime.run(Chunk(Workflow(prompts={}, code=code), [SeedInput(0, {})], "e", 60), None)

asyncio.run(main(*sys.argv[1:]))
"""
NOBODY = 65_534


@pytest.fixture
def home() -> Iterator[Path]:
    """A temporary directory for any user: others may not pass through pytest's."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o777)
        yield Path(home)


def trees_of(who: str) -> Path:
    """Where that user keeps interpreters from one run of the tests to the next."""
    if who == "us" or os.geteuid() != 0:
        return trees()
    home = trees().with_name(f"{trees().name}-for-nobody")
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)
    return home


def running(pids: list[int]) -> list[int]:
    """Those that are more than an entry that nobody has asked for."""
    alive = {each.pid for each in psutil.process_iter(["status"]) if each.info["status"] != psutil.STATUS_ZOMBIE}
    return sorted(alive.intersection(pids))


# Every pair of runtime, user and ending, and no more: a start behind gVisor takes seconds.
@pytest.mark.parametrize(
    ("kind", "who", "ending"),
    [
        ("monty", "us", "leave"),
        ("monty", "us", "be terminated"),
        ("monty", "nobody", "be killed"),
        ("cpython", "us", "be killed"),
        ("cpython", "nobody", "leave"),
        ("cpython", "nobody", "be terminated"),
    ],
)
@pytest.mark.parametrize("name", EVERY_WALL)
async def test_no_process_and_no_file_outlives_the_runner(
    name: str, kind: str, who: str, ending: str, home: Path
) -> None:
    standing(name)  # type: ignore[arg-type]
    python = [sys.executable] if who == "us" else python_as_nobody()
    holder = await asyncio.create_subprocess_exec(
        *(*python, "-c", HOLDER, name, kind, str(trees_of(who)), ending),
        env={"TMPDIR": str(home), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    pids = [int(pid) for pid in (await holder.stdout.readline()).split()]
    assert pids != []
    if ending != "leave":
        holder.send_signal(signal.SIGKILL if ending == "be killed" else signal.SIGTERM)
    await holder.wait()

    def gone() -> None:
        assert running(pids) == []
        assert [*home.iterdir()] == []

    await assert_eventually(gone)


def kill_soon(command: Sequence[str], *, times: int) -> None:
    """Start it many times; when the last one is started, each is in another link of its chain."""
    started = [Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL) for _ in range(times)]  # noqa: S603
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", EVERY_WALL)
async def test_a_launcher_killed_while_it_sets_up_leaves_nothing(name: str, home: Path) -> None:
    wall = standing(name)  # type: ignore[arg-type]
    mark = home / "to tell these from others"
    mark.write_text("")
    command = wall.command([tool("cat"), str(mark), "-"], limits=LIMITS)
    kill_soon(command, times=20)

    def gone() -> None:
        every = psutil.process_iter(["cmdline"])
        assert [each.pid for each in every if str(mark) in (each.info["cmdline"] or ())] == []

    await assert_eventually(gone)


async def test_a_private_directory_goes_when_it_is_closed() -> None:
    directory = PrivateDirectory("test")
    (directory.path / "deep" / "er").mkdir(parents=True)
    (directory.path / "deep" / "file").write_text("text")
    directory.close()
    assert not directory.path.exists()


READ_ONLY = """
import sys
from pathlib import Path
from graftwork_runner.walls.copies import Copies

copies = Copies("test")
copied = copies.of(Path(sys.argv[1]))
print(copied.parents[1], (copied / "deep").stat().st_mode & 0o777 == 0o555, (copied / "deep" / "file").read_text())
copies.close()
"""


def test_copies_of_what_is_read_only_go_as_well_whoever_made_them(home: Path) -> None:
    deep = home / "ours" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("text")
    deep.chmod(0o555)
    made = run(  # noqa: S603
        [*python_as_nobody(), "-c", READ_ONLY, str(home / "ours")],
        stdout=PIPE,
        text=True,
        check=True,
        env={"TMPDIR": str(home), "PATH": os.environ["PATH"]},
    )
    deep.chmod(0o755)
    assert made.stdout.split()[1:] == ["True", "text"]
    assert [*home.iterdir()] == [home / "ours"]


async def test_copies_are_made_once_and_go_when_they_are_closed(tmp_path: Path) -> None:
    ours = tmp_path / "program"
    ours.write_text("text")
    copies = Copies("test")
    copy = copies.of(ours)
    assert (copies.of(ours), copy.read_text(), copy.stat().st_mode & 0o777) == (copy, "text", 0o555)
    copies.close()
    assert not copy.exists()


async def test_copies_that_were_never_needed_leave_nothing() -> None:
    Copies("test").close()


async def test_an_anonymous_script_runs_while_it_is_open_and_has_no_name() -> None:
    script = AnonymousFile("test", b'#!/bin/sh\necho "ran with $1"\n')
    process = await asyncio.create_subprocess_exec(str(script.path), "this", stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said == b"ran with this\n"
    script.close()
    assert not script.path.exists()
