"""The links that the chains of launchers have in common."""

import os
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits

UID_OF_NOBODY_ELSE = 65_533
"""Belongs to no account: it is outside of what distributions and systemd hand out."""
ONLY_STANDARD = 'exec "$@" 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<"$0"'
"""For ``sh -c``, a file and a command: runs it with the standard descriptors, and the file as number 9."""
FILE_DESCRIPTOR = 9


def existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths, in their order. Raises ``WallDown`` if one is not there."""
    found = tuple(paths)
    if missing := [str(path) for path in found if not path.exists()]:
        raise WallDown(f"there is no {', '.join(missing)}")
    return found


def apart() -> tuple[str, ...]:
    """Give up what a runner has that is root, and begin namespaces that end with whoever started this.

    A user namespace: the kernel counts processes for each, and holds those made in it to the limit that was in force
    when they were made; so the limit that is set next counts this sandbox alone, not all that the user runs.

    A process namespace: when its first process goes, all go. ``bwrap --die-with-parent`` is not enough: killed while
    it still sets up, it leaves a child that waits for it for ever.
    """
    setpriv = (tool("setpriv"), "--no-new-privs", "--pdeathsig", "KILL")
    ids = (f"--reuid={UID_OF_NOBODY_ELSE}", f"--regid={UID_OF_NOBODY_ELSE}", "--clear-groups")
    dropped = (*ids, "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    unshare = (tool("unshare"), "--user", "--map-current-user", "--pid", "--fork", "--kill-child")
    return (*setpriv, *dropped, *unshare)


def limited(prlimit: str, limits: ProcessLimits) -> Iterator[str]:
    """Set limits, for what this process becomes."""
    yield prlimit
    yield f"--as={limits.memory_bytes}"
    yield f"--nproc={limits.processes}"
    yield f"--nofile={limits.open_files}"
    yield f"--fsize={limits.file_bytes}"
    yield "--core=0"
    if limits.cpu_seconds is not None:
        yield f"--cpu={limits.cpu_seconds}"


def limits_in_proc(limits: ProcessLimits) -> dict[str, str]:
    """The same, as ``/proc/<pid>/limits`` has them."""
    seen = {
        "Max address space": str(limits.memory_bytes),
        "Max processes": str(limits.processes),
        "Max open files": str(limits.open_files),
        "Max file size": str(limits.file_bytes),
        "Max core file size": "0",
    }
    return seen if limits.cpu_seconds is None else {**seen, "Max cpu time": str(limits.cpu_seconds)}
