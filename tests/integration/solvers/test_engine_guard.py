"""The guard alone: whatever becomes of a family of processes, nothing of it is left."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from graftwork_solvers import engine_guard
from tests.support.eventually import assert_eventually
from tests.support.processes import assert_gone

PAUSE = "import signal; signal.pause()"
# Parent and child in a session of its own; the parent tells both ids, then does what is appended.
FAMILY = f"""
import os, signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{PAUSE}"], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
"""


@asynccontextmanager
async def guarded(*command: str, directory: str = "/nowhere") -> AsyncIterator[asyncio.subprocess.Process]:
    guard = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", engine_guard.__file__, directory, *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield guard
    finally:
        if guard.returncode is None:
            os.killpg(guard.pid, signal.SIGKILL)
        await guard.communicate()


async def line_of(guard: asyncio.subprocess.Process) -> str:
    assert guard.stdout is not None
    return (await asyncio.wait_for(guard.stdout.readline(), 30)).decode().strip()


async def status_of(guard: asyncio.subprocess.Process) -> int:
    return await asyncio.wait_for(guard.wait(), 30)


def let_go(guard: asyncio.subprocess.Process) -> None:
    assert guard.stdin is not None
    guard.stdin.close()


async def family_of(guard: asyncio.subprocess.Process) -> list[int]:
    return [int(pid) for pid in (await line_of(guard)).split()]


@pytest.mark.parametrize(
    ("program", "status"),
    [("raise SystemExit(0)", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
)
async def test_it_ends_as_its_command_did(program: str, status: int) -> None:
    async with guarded(sys.executable, "-c", program) as guard:
        ended = await status_of(guard)

    assert ended == status


async def test_a_command_that_is_not_there_is_named() -> None:
    async with guarded("/nowhere/vllm", "serve") as guard:
        said = await line_of(guard)
        ended = await status_of(guard)

    assert (said, ended) == ("error: cannot execute /nowhere/vllm: No such file or directory", 127)


async def test_when_it_is_let_go_the_whole_family_dies() -> None:
    async with guarded(sys.executable, "-c", FAMILY + "signal.pause()") as guard:
        pids = await family_of(guard)
        let_go(guard)
        ended = await status_of(guard)

    assert ended == 137
    for pid in pids:
        assert_gone(pid)


async def test_the_sockets_of_a_pod_that_lives_are_left_to_it(tmp_path: Path) -> None:
    async with guarded(sys.executable, "-c", PAUSE, directory=str(tmp_path)) as guard:
        let_go(guard)
        await status_of(guard)

    still_there(tmp_path)


def still_there(directory: Path) -> None:
    assert directory.exists()


@pytest.mark.parametrize("stopped", [False, True])
async def test_when_the_first_of_the_family_dies_the_others_follow(*, stopped: bool) -> None:
    async with guarded(sys.executable, "-c", FAMILY + "signal.pause()") as guard:
        pids = await family_of(guard)
        if stopped:
            psutil.Process(pids[1]).suspend()
        psutil.Process(pids[0]).kill()
        await status_of(guard)

    for pid in pids:
        assert_gone(pid)


async def test_sigterm_goes_to_the_first_alone() -> None:
    on_term = "signal.signal(15, lambda *_: (print(child.poll(), flush=True), sys.exit(3)))\nprint('set', flush=True)\n"
    async with guarded(sys.executable, "-c", FAMILY + on_term + "while True: signal.pause()") as guard:
        pids = await family_of(guard)
        await line_of(guard)
        guard.terminate()
        said = await line_of(guard)
        ended = await status_of(guard)

    assert (said, ended) == ("None", 3)
    assert_gone(pids[1])


async def test_its_command_gets_an_empty_standard_input_and_default_signals() -> None:
    shows = "import signal, sys; print(repr(sys.stdin.read()), signal.getsignal(signal.SIGCHLD).name)"
    async with guarded(sys.executable, "-c", shows) as guard:
        said = await line_of(guard)

    assert said == "'' SIG_DFL"


async def test_orphans_that_end_by_themselves_do_not_end_it() -> None:
    orphan = "import os\nif os.fork() == 0:\n    os.fork()\n    os._exit(0)\nos.wait(); print('on', flush=True); "
    async with guarded(sys.executable, "-c", orphan + PAUSE) as guard:
        said = await line_of(guard)
        await assert_eventually(lambda: childless_but_one(guard.pid))
        running = guard.returncode is None

    assert (said, running) == ("on", True)


def childless_but_one(pid: int) -> None:
    assert len(psutil.Process(pid).children()) == 1
