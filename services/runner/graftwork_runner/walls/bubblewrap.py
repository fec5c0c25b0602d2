"""The wall ``bubblewrap``: kernel namespaces, a filter of system calls, limits, an unprivileged user.

A chain of programs, each of which gives something up and becomes the next:

1. ``env -i``: the environment, before anything of ours could show up in ``/proc/<pid>/environ``.
2. ``sh``: descriptors beyond the three standard ones; it opens the filter's.
3. ``setpriv``: uid, gid, groups, capabilities of a runner that is root. What root launches, root's sandbox is: the
   files of ``/proc/sys`` belong to uid 0 of the host, whatever namespace it is in.
4. ``unshare``: a user and a process namespace in between, see ``launching.apart``.
5. ``prlimit``: memory, threads, files.
6. ``bwrap``: all other namespaces, the small root, the filter.
"""

import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.anonymous_files import AnonymousFile
from graftwork_runner.walls.copies import Copies
from graftwork_runner.walls.filter import compiled_filter
from graftwork_runner.walls.launching import FILE_DESCRIPTOR
from graftwork_runner.walls.launching import ONLY_STANDARD
from graftwork_runner.walls.launching import apart
from graftwork_runner.walls.launching import existing
from graftwork_runner.walls.launching import limited
from graftwork_runner.walls.launching import limits_in_proc
from graftwork_runner.walls.libraries import libraries_of
from graftwork_runner.walls.proof import echoing
from graftwork_runner.walls.proof import faults_of_room
from graftwork_runner.walls.proof import faults_of_user
from graftwork_runner.walls.proof import inside_and_outside
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits

_INNER_ID = "65534"
_NAMESPACES = ("user", "pid", "net", "ipc", "uts", "cgroup")


class Bubblewrap:
    """See the module."""

    name: Literal["bubblewrap"] = "bubblewrap"

    def __init__(self) -> None:
        """Raises ``WallDown`` if the machine lacks a program or library that it is built of."""
        self._copies = Copies("bubblewrap")
        self._filter = AnonymousFile("filter", compiled_filter())
        self._start = (tool("env"), "-i", tool("sh"), "-c", ONLY_STANDARD, str(self._filter.path))
        self._apart = apart()
        self._prlimit, self._bwrap = tool("prlimit"), tool("bwrap")

    def command(self, argv: Sequence[str], *, readable: Sequence[Path] = (), limits: ProcessLimits) -> tuple[str, ...]:
        """See ``Wall``."""
        shown = existing([Path(argv[0]), *readable])
        return (
            *self._start,
            *self._apart,
            *limited(self._prlimit, limits),
            *(self._bwrap, *_isolated(), *self._root_of(shown), "--seccomp", str(FILE_DESCRIPTOR), "--", *argv),
        )

    def prove(self) -> None:
        """Run a harmless program behind the wall and judge it. Raises ``WallDown`` with what is wrong."""
        limits = ProcessLimits(memory_bytes=1 << 30, cpu_seconds=600)
        with echoing(self.command([tool("cat")], limits=limits)) as launcher:
            faults = self.faults(launcher, limits)
        if faults:
            raise WallDown(f"a program behind it is not held: {'; '.join(faults)}")

    def faults(self, launcher: int, limits: ProcessLimits) -> list[str]:
        """See ``Wall``."""
        inside, outside = inside_and_outside(launcher)
        return [*faults_of_user(inside, outside), *faults_of_room(inside, limits_in_proc(limits))]

    def close(self) -> None:
        """See ``Wall``."""
        self._filter.close()
        self._copies.close()

    def _root_of(self, shown: Sequence[Path]) -> Iterator[str]:
        """No /proc, /dev, /sys or /tmp: programs that only compute do without, and there is nowhere to write."""
        for path in dict.fromkeys([*shown, *libraries_of(shown)]):
            yield from ("--ro-bind", str(self._readable_by_nobody(path)), str(path))
        yield from ("--remount-ro", "/", "--chdir", "/")

    def _readable_by_nobody(self, path: Path) -> Path:
        """The path itself, or a copy if only root, as which we run but the program does not, can get there."""
        return self._copies.of(path) if os.geteuid() == 0 and not _is_public(path) else path


def _isolated() -> Iterator[str]:
    yield from (f"--unshare-{namespace}" for namespace in _NAMESPACES)
    yield from ("--uid", _INNER_ID, "--gid", _INNER_ID, "--hostname", "sandbox")
    yield from ("--cap-drop", "ALL", "--clearenv", "--new-session", "--die-with-parent")


def _is_public(path: Path) -> bool:
    real = path.resolve()
    needed = 0o005 if real.is_dir() else 0o004
    return real.stat().st_mode & needed == needed and all(part.stat().st_mode & 0o001 for part in real.parents)
