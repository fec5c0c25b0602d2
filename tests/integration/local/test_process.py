import asyncio
import os
import socket
import sys
from pathlib import Path

import psutil
import pytest

from graftwork.local import exec_shim
from graftwork.local.errors import BinaryMissing
from graftwork.local.errors import DiskFull
from graftwork.local.errors import NotReadyInTime
from graftwork.local.errors import PortTaken
from graftwork.local.errors import ServerDied
from graftwork.local.ports import free_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.process import log_tail
from tests.support.eventually import assert_eventually
from tests.support.processes import assert_gone

STUBBORN_PARENT_OF_A_CHILD = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""
OWNER = """
import asyncio, pathlib, sys
from graftwork.local.process import OwnedProcess

async def main() -> None:
    async with OwnedProcess("sleep", ["sleep", "600"], log_path=pathlib.Path(sys.argv[1])) as process:
        print(process.pid, flush=True)
        await process.wait()

asyncio.run(main())
"""
WATCHED = """
import os, sys
from graftwork.local.exec_shim import watch
print(os.getpid(), flush=True)
sys.exit(watch(os.getppid(), ["sh", "-c", "echo $$; exec sleep 600"]))
"""
WATCHING_OWNER = f"""
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", '''{WATCHED}'''], start_new_session=True) as shim:
    shim.wait()
"""


def python(script: str, log_path: Path) -> OwnedProcess:
    return OwnedProcess("The script", [sys.executable, "-c", script], log_path=log_path, stop_timeout_seconds=0.2)


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def logged_pids(log_path: Path, count: int) -> list[int]:
    def read() -> list[int]:
        pids = [int(line) for line in log_tail(log_path)]
        assert len(pids) == count
        return pids

    return await assert_eventually(read)


async def first_line(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    return int(await process.stdout.readline())


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "process.log"


async def test_it_writes_its_log_and_keeps_the_one_before(log_path: Path) -> None:
    for greeting in ("first", "second"):
        async with python(f"print('{greeting}')", log_path) as process:
            await process.wait_success()

    assert log_tail(log_path) == ("second",)
    assert log_tail(log_path.with_suffix(".log.old")) == ("first",)


async def test_it_leads_a_group_of_its_own_and_stops_when_asked(log_path: Path) -> None:
    process = OwnedProcess("sleep", ["sleep", "600"], log_path=log_path)
    await process.start()
    await process.wait_ready(yes, timeout_seconds=10)

    assert os.getpgid(process.pid) == process.pid

    await process.stop()

    assert_gone(process.pid)


async def test_stopping_twice_or_before_the_start_is_harmless(log_path: Path) -> None:
    process = OwnedProcess("sleep", ["sleep", "600"], log_path=log_path)
    await process.stop()
    await process.start()
    await process.stop()
    await process.stop()


async def test_one_that_ignores_the_request_is_killed_with_its_children(log_path: Path) -> None:
    async with python(STUBBORN_PARENT_OF_A_CHILD, log_path) as process:
        (grandchild,) = await logged_pids(log_path, 1)

    assert_gone(process.pid)
    await assert_eventually(lambda: assert_gone(grandchild))


async def test_stopping_cancelled_midway_still_kills(log_path: Path) -> None:
    process = OwnedProcess(
        "stubborn", [sys.executable, "-c", STUBBORN_PARENT_OF_A_CHILD], log_path=log_path, stop_timeout_seconds=600
    )
    await process.start()
    await logged_pids(log_path, 1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await process.stop()

    assert_gone(process.pid)


async def test_a_death_while_starting_is_told_at_once_with_the_last_words(log_path: Path) -> None:
    async with python("print('loading'); raise SystemExit('error: no such table')", log_path) as process:
        with pytest.raises(ServerDied, match="The script ended with status 1, saying: error: no such table") as raised:
            await process.wait_ready(no, timeout_seconds=600)

    assert raised.value.log_tail == ("loading", "error: no such table")
    assert raised.value.returncode == 1


async def test_a_death_later_is_told_to_who_watches(log_path: Path) -> None:
    async with OwnedProcess("sleep", ["sleep", "600"], log_path=log_path) as process:
        psutil.Process(process.pid).kill()

        with pytest.raises(ServerDied, match="sleep was killed by signal 9"):
            await process.watch()


async def test_one_that_never_gets_ready_is_told_from_a_dead_one(log_path: Path) -> None:
    async with OwnedProcess("sleep", ["sleep", "600"], log_path=log_path) as process:
        with pytest.raises(NotReadyInTime, match=r"sleep was not ready within 0\.01 s"):
            await process.wait_ready(no, timeout_seconds=0.01)


async def test_an_error_of_the_readiness_check_is_raised(log_path: Path) -> None:
    async def broken() -> bool:
        raise KeyError("typo")

    async with OwnedProcess("sleep", ["sleep", "600"], log_path=log_path) as process:
        with pytest.raises(KeyError):
            await process.wait_ready(broken, timeout_seconds=600)


async def test_a_taken_port_is_told_before_the_start(log_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = OwnedProcess("sleep", ["sleep", "600"], log_path=log_path, ports=[port])

        with pytest.raises(PortTaken, match=rf"Port {port} for sleep is taken"):
            await process.start()


async def test_a_port_lost_during_the_start_is_told_as_such(log_path: Path) -> None:
    (port,) = free_ports(1)
    async with OwnedProcess("sleep", ["sleep", "600"], log_path=log_path, ports=[port]) as process:
        with socket.create_server(("127.0.0.1", port)):
            psutil.Process(process.pid).kill()

            with pytest.raises(PortTaken):
                await process.wait_ready(no, timeout_seconds=600)


async def test_a_program_that_is_not_there_is_named(log_path: Path) -> None:
    with pytest.raises(BinaryMissing, match="no-such-program is not there"):
        await OwnedProcess("Kafka", ["no-such-program"], log_path=log_path).start()


async def test_too_little_room_is_told_before_the_start(log_path: Path) -> None:
    with pytest.raises(DiskFull, match="GRAFTWORK_MIN_FREE_DISK_MIB"):
        await OwnedProcess("Kafka", ["sleep", "600"], log_path=log_path, min_free_disk_mib=2**40).start()


async def test_a_killed_owner_leaves_no_child(log_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(log_path), stdout=asyncio.subprocess.PIPE
    )
    child = await first_line(owner)

    owner.kill()
    await owner.wait()

    await assert_eventually(lambda: assert_gone(child))


async def test_a_child_whose_owner_died_before_the_shim_began_does_not_run(tmp_path: Path) -> None:
    nobody = 2**30
    ran = tmp_path / "ran"

    shim = await asyncio.create_subprocess_exec(sys.executable, exec_shim.__file__, str(nobody), "touch", str(ran))
    await shim.wait()

    assert not ran.exists()


async def test_where_the_kernel_cannot_watch_the_shim_does() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", WATCHING_OWNER, stdout=asyncio.subprocess.PIPE)
    shim, child = await first_line(owner), await first_line(owner)

    owner.kill()
    await owner.wait()

    await assert_eventually(lambda: assert_gone(shim))
    await assert_eventually(lambda: assert_gone(child))


async def test_a_watching_shim_passes_on_the_request_to_stop_and_the_status() -> None:
    shim = await asyncio.create_subprocess_exec(sys.executable, "-c", WATCHED, stdout=asyncio.subprocess.PIPE)
    _, child = await first_line(shim), await first_line(shim)

    shim.terminate()

    assert await shim.wait() != 0
    assert_gone(child)
