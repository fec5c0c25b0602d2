"""What a program sees of the kernel that gVisor gives it, told by itself and judged outside.

Believed of a program of ours, before any other has run: the kernel of this machine knows nothing of a guest's limits.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.wall import ProcessLimits

LOOK_AROUND = """
"$0" /proc/version && echo -- && "$0" /proc/self/status && echo -- && "$0" /proc/net/dev && echo -- &&
exec "$1" --raw --noheadings --output=RESOURCE,SOFT,HARD
"""
"""For ``sh -c``, in a guest that has ``cat`` and ``prlimit``, which are its arguments."""
_PARTS = 4
_CAPABILITIES = re.compile(r"^Cap\w+:\t0*([1-9a-f][0-9a-f]*)$", re.MULTILINE)
_INTERFACE = re.compile(r"^\s*(\S+):", re.MULTILINE)


def faults_of_guest(said: str, *, release: str, uid: str, limits: ProcessLimits) -> Iterator[str]:
    """What is wrong, by what ``LOOK_AROUND`` said. ``release``: of our kernel. Raises ``WallDown`` if it said else."""
    parts = said.split("--\n")
    if len(parts) != _PARTS:
        raise WallDown("a program behind it does not say what it sees")
    version, status, network, held_to = parts
    if release in version:
        yield "it runs on our kernel"
    if f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" not in status:
        yield "it runs as root of the guest"
    if "CapEff:\t" not in status or _CAPABILITIES.search(status):
        yield "it has capabilities in the guest"
    if others := sorted(set(_INTERFACE.findall(network)) - {"lo"}):
        yield f"it has a network: {', '.join(others)}"
    seen = dict(line.split(" ", 1) for line in held_to.splitlines())
    if loose := [name for name, limit in _wanted(limits).items() if seen.get(name) != f"{limit} {limit}"]:
        yield f"it is not held to its limits in the guest: {', '.join(loose)}"


def _wanted(limits: ProcessLimits) -> Mapping[str, int]:
    wanted = {
        "AS": limits.memory_bytes,
        "NPROC": limits.processes,
        "NOFILE": limits.open_files,
        "FSIZE": limits.file_bytes,
        "CORE": 0,
    }
    return wanted if limits.cpu_seconds is None else {**wanted, "CPU": limits.cpu_seconds}
