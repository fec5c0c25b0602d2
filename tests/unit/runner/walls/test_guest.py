"""A judge of gVisor's guests finds what is wrong, each fault alone."""

from dataclasses import replace

import pytest

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import ProcessLimits
from graftwork_runner.walls.guest import faults_of_guest

LIMITS = ProcessLimits(memory_bytes=1 << 30, cpu_seconds=9)
SAID = """\
Linux version 4.4.0 #1 SMP
--
Name:\tcat
Uid:\t65534\t65534\t65534\t65534
CapInh:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
--
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
--
AS 1073741824 1073741824
CORE 0 0
CPU 9 9
FSIZE 0 0
NOFILE 64 64
NPROC 16 16
STACK 8388608 unlimited
"""  # noqa: E501 (as the kernel has it)


def faults(said: str, limits: ProcessLimits = LIMITS) -> list[str]:
    return [*faults_of_guest(said, release="6.1.0", uid="65534", limits=limits)]


def test_a_guest_that_is_held_has_no_faults() -> None:
    assert faults(SAID) == []


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("version 4.4.0", "version 6.1.0", "it runs on our kernel"),
        ("Uid:\t65534\t65534", "Uid:\t65534\t0", "it runs as root of the guest"),
        ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400", "it has capabilities in the guest"),
        ("CapBnd:\t0000000000000000", "CapBnd:\t0000003fffffffff", "it has capabilities in the guest"),
        ("CapEff:\t0000000000000000\n", "", "it has capabilities in the guest"),
        ("    lo:", "    lo: 0 0\n  ens3:0", "it has a network: ens3"),
        ("NPROC 16 16\n", "", "it is not held to its limits in the guest: NPROC"),
        ("NOFILE 64 64", "NOFILE 64 unlimited", "it is not held to its limits in the guest: NOFILE"),
        ("CPU 9 9", "CPU unlimited unlimited", "it is not held to its limits in the guest: CPU"),
    ],
)
def test_each_fault_is_found_alone(was: str, becomes: str, fault: str) -> None:
    assert was in SAID
    assert faults(SAID.replace(was, becomes)) == [fault]


def test_a_limit_of_time_that_was_not_asked_for_is_not_missed() -> None:
    assert faults(SAID.replace("CPU 9 9\n", ""), replace(LIMITS, cpu_seconds=None)) == []


@pytest.mark.parametrize("said", ["", SAID.replace("--\n", "", 1)])
def test_what_says_something_else_is_no_wall(said: str) -> None:
    with pytest.raises(WallDown, match="does not say what it sees"):
        faults(said)
