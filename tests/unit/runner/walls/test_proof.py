"""A judge that finds nothing wrong is worth something only if it finds what is."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from subprocess import Popen

import pytest

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import Wall
from graftwork_runner.walls.enclosed import inherit_nothing
from graftwork_runner.walls.processes import Process
from graftwork_runner.walls.processes import children_of
from graftwork_runner.walls.processes import read_process
from graftwork_runner.walls.proof import echoing
from graftwork_runner.walls.proof import faults_of_room
from graftwork_runner.walls.proof import faults_of_user
from tests.support.walls import EVERY_WALL
from tests.support.walls import LIMITS
from tests.support.walls import needs_bwrap
from tests.support.walls import standing

CAT = str(shutil.which("cat"))
OUTSIDE = Process(
    pid=1,
    uids=frozenset({0}),
    capabilities=1,
    no_new_privileges=False,
    filtered=False,
    namespaces=dict.fromkeys(("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"), "ours"),
    environment=("HOME=/root",),
    descriptors=frozenset({0, 1, 2}),
    mounts={"/": frozenset({"rw"})},
    limits={"Max processes": "unlimited"},
)
HELD = Process(
    pid=2,
    uids=frozenset({65_533}),
    capabilities=0,
    no_new_privileges=True,
    filtered=True,
    namespaces=dict.fromkeys(OUTSIDE.namespaces, "its own"),
    environment=("PWD=/",),
    descriptors=frozenset({0, 1, 2}),
    mounts={"/": frozenset({"ro", "nosuid"})},
    limits={"Max processes": "16"},
)


def faults(inside: Process) -> list[str]:
    return [*faults_of_user(inside, OUTSIDE), *faults_of_room(inside, {"Max processes": "16"})]


def test_a_process_that_is_held_has_no_faults() -> None:
    assert faults(HELD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"uids": frozenset({65_533, 0})}, "it runs as root"),
        ({"no_new_privileges": False}, "it may gain privileges"),
        ({"filtered": False}, "its system calls are not filtered"),
        ({"namespaces": {**HELD.namespaces, "net": "ours", "ipc": "ours"}}, "it shares namespaces with us: ipc, net"),
        ({"environment": ("PWD=/", "KEY=secret")}, "its environment is not empty"),
        ({"capabilities": 1}, "it has capabilities"),
        ({"descriptors": frozenset({0, 1, 2, 7})}, "it has inherited descriptors"),
        ({"mounts": {**HELD.mounts, "/tmp": frozenset({"rw"})}}, "it may write to /tmp"),  # noqa: S108
        ({"limits": {"Max processes": "17"}}, "it is not held to its limits: Max processes"),
        ({"limits": {}}, "it is not held to its limits: Max processes"),
    ],
)
def test_each_fault_is_found_alone(change: dict[str, object], fault: str) -> None:
    assert faults(replace(HELD, **change)) == [fault]  # type: ignore[arg-type]


@contextmanager
def a_program_without_a_wall() -> Iterator[int]:
    with Popen([CAT], stdin=PIPE, stdout=PIPE) as process:  # noqa: S603
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"there\n")
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.parametrize("name", EVERY_WALL)
def test_a_program_without_a_wall_is_found_out(name: str) -> None:
    with a_program_without_a_wall() as pid:
        found = standing(name).faults(pid, LIMITS)  # type: ignore[arg-type]
    assert "its system calls are not filtered" in found
    assert "it shares namespaces with us: ipc, mnt, net, pid, user, uts" in found
    assert "its environment is not empty" in found


@pytest.mark.parametrize("name", EVERY_WALL)
def test_a_program_behind_a_wall_is_held(name: str) -> None:
    wall = standing(name)  # type: ignore[arg-type]
    with echoing(wall.command([CAT], limits=LIMITS)) as launcher:
        assert wall.faults(launcher, LIMITS) == []


@pytest.fixture
def bubblewrap() -> Wall:
    return standing("bubblewrap")


@needs_bwrap
def test_other_limits_than_promised_are_found_out(bubblewrap: Wall) -> None:
    with echoing(bubblewrap.command([CAT], limits=LIMITS)) as launcher:
        found = bubblewrap.faults(launcher, replace(LIMITS, processes=99, open_files=99, cpu_seconds=99))
    assert found == ["it is not held to its limits: Max processes, Max open files, Max cpu time"]


@needs_bwrap
def test_a_limit_of_processor_time_is_kept(bubblewrap: Wall) -> None:
    limits = replace(LIMITS, cpu_seconds=99)
    with echoing(bubblewrap.command([CAT], limits=limits)) as launcher:
        assert bubblewrap.faults(launcher, limits) == []


@needs_bwrap
@pytest.mark.parametrize(("kept", "fault"), [(True, ["it has inherited descriptors"]), (False, [])])
def test_descriptors_are_inherited_unless_they_are_kept_back(bubblewrap: Wall, kept: bool, fault: list[str]) -> None:  # noqa: FBT001
    command = bubblewrap.command([CAT], limits=LIMITS)
    leaked = os.dup2(os.open("/dev/null", os.O_RDONLY), 77, inheritable=True)
    if not kept:
        inherit_nothing()
    with Popen(command, stdin=PIPE, stdout=PIPE, close_fds=False) as process:  # noqa: S603
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"there\n")
        process.stdin.flush()
        process.stdout.readline()
        assert bubblewrap.faults(process.pid, LIMITS) == fault
        process.kill()
    os.close(leaked)


def test_a_program_that_does_not_answer_takes_its_last_words_along() -> None:
    with pytest.raises(WallDown, match=r"/nowhere: No such file or directory$"), echoing([CAT, "/nowhere"]):
        pass


def test_what_is_gone_cannot_be_judged() -> None:
    with a_program_without_a_wall() as pid:
        assert read_process(pid).pid == pid
        assert children_of(pid) == []
    assert children_of(pid) == []
    with pytest.raises(OSError, match=str(pid)):
        read_process(pid)


def test_what_the_kernel_says_of_us_is_read() -> None:
    us = read_process(os.getpid())
    assert us.uids == {os.getuid()}
    assert us.namespaces["pid"] == str(Path("/proc/self/ns/pid").readlink())
    assert {0, 1, 2} <= us.descriptors
    assert "/" in us.mounts
    assert "Max open files" in us.limits
