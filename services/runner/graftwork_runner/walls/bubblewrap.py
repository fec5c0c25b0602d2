"""The wall ``bubblewrap``: kernel namespaces, a filter of system calls, limits, an unprivileged user.

A chain of programs, each of which gives something up and becomes the next:

1. ``env -i``: the environment, before anything of ours could show up in ``/proc/<pid>/environ``.
2. ``sh``: descriptors beyond the three standard ones; it opens the filter's.
3. ``setpriv``, for a runner that is root: uid, gid, groups, capabilities. What root launches, root's sandbox is: the
   files of ``/proc/sys`` belong to uid 0 of the host, whatever namespace it is in.
4. ``unshare``: a user namespace in between. The kernel counts processes for each namespace, and holds the inner one to
   the limit that was in force when it was made; so the next limit counts this sandbox alone, not all of the user's.
5. ``prlimit``: memory, threads, files.
6. ``bwrap``: all other namespaces, the small root, the filter; it dies with its parent, and all inside with it.
"""

import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.anonymous_files import AnonymousFile
from graftwork_runner.walls.filter import compiled_filter
from graftwork_runner.walls.libraries import libraries_of
from graftwork_runner.walls.processes import innermost
from graftwork_runner.walls.processes import read_process
from graftwork_runner.walls.proof import echoing
from graftwork_runner.walls.proof import faults_of
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits

UID_OF_NOBODY_ELSE = 65_533
"""Belongs to no account and to no other sandbox: it is outside of what Debian and systemd hand out."""
_INNER_ID = "65534"
_FILTER_DESCRIPTOR = 9
_ONLY_STANDARD = 'exec "$@" 3<&- 4<&- 5<&- 6<&- 7<&- 8<&- 9<"$0"'
_NAMESPACES = ("user", "pid", "net", "ipc", "uts", "cgroup")


class Bubblewrap:
    """See the module."""

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(self) -> None:
        """Raises ``WallDown`` if the machine lacks a program or library that it is built of."""
        self._as_root = os.geteuid() == 0
        self._filter = AnonymousFile("filter", compiled_filter())
        self._start = (tool("env"), "-i", tool("sh"), "-c", _ONLY_STANDARD, str(self._filter.path))
        self._unprivileged = (*_unprivileged(), tool("unshare"), "--user", "--map-current-user")
        self._prlimit, self._bwrap = tool("prlimit"), tool("bwrap")

    def command(self, argv: Sequence[str], *, readable: Sequence[Path] = (), limits: ProcessLimits) -> tuple[str, ...]:
        """See ``Wall``."""
        shown = [Path(argv[0]), *readable]
        if self._as_root:
            for path in shown:
                _check_world_readable(path)
        return (
            *self._start,
            *self._unprivileged,
            *_limited(self._prlimit, limits),
            *(self._bwrap, *_isolated(), *_root_of(shown), "--seccomp", str(_FILTER_DESCRIPTOR), "--", *argv),
        )

    def prove(self) -> None:
        """Run a program behind the wall and judge it. Raises ``WallDown`` with what is wrong."""
        limits = ProcessLimits(memory_bytes=1 << 30)
        with echoing(self.command([tool("cat")], limits=limits)) as launcher:
            try:
                faults = [*faults_of(read_process(innermost(launcher)), read_process(os.getpid()), _kernel(limits))]
            except OSError as error:
                raise WallDown(f"a program behind it cannot be judged: {error}") from error
        if faults:
            raise WallDown(f"a program behind it is not held: {'; '.join(faults)}")

    def close(self) -> None:
        """See ``Wall``."""
        self._filter.close()


def _unprivileged() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    ids = (f"--reuid={UID_OF_NOBODY_ELSE}", f"--regid={UID_OF_NOBODY_ELSE}", "--clear-groups")
    return (tool("setpriv"), *ids, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")


def _kernel(limits: ProcessLimits) -> dict[str, str]:
    """Limits by the kernel's names."""
    return {
        "Max address space": str(limits.memory_bytes),
        "Max processes": str(limits.processes),
        "Max open files": str(limits.open_files),
        "Max file size": str(limits.file_bytes),
        "Max core file size": "0",
    }


def _limited(prlimit: str, limits: ProcessLimits) -> Iterator[str]:
    yield prlimit
    yield f"--as={limits.memory_bytes}"
    yield f"--nproc={limits.processes}"
    yield f"--nofile={limits.open_files}"
    yield f"--fsize={limits.file_bytes}"
    yield "--core=0"
    if limits.cpu_seconds is not None:
        yield f"--cpu={limits.cpu_seconds}"


def _isolated() -> Iterator[str]:
    yield from (f"--unshare-{namespace}" for namespace in _NAMESPACES)
    yield from ("--uid", _INNER_ID, "--gid", _INNER_ID, "--hostname", "sandbox")
    yield from ("--cap-drop", "ALL", "--clearenv", "--new-session", "--die-with-parent")


def _root_of(shown: Sequence[Path]) -> Iterator[str]:
    """No /proc, /dev, /sys or /tmp: programs that only compute do without, and there is nowhere to write."""
    for path in dict.fromkeys([*shown, *libraries_of(shown)]):
        yield from ("--ro-bind", str(path), str(path))
    yield from ("--remount-ro", "/", "--chdir", "/")


def _check_world_readable(path: Path) -> None:
    real = path.resolve()
    for part in [real, *real.parents]:
        needed = 0o005 if part.is_dir() else 0o004
        if part.stat().st_mode & needed != needed and not (part.is_dir() and part != real and part.stat().st_mode & 1):
            raise WallDown(f"{part} has to be readable by others: behind the wall, uid {UID_OF_NOBODY_ELSE} runs it")
