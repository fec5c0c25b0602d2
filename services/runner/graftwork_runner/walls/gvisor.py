"""The wall ``gvisor``: a kernel of its own, in user space, so that the program's system calls never reach ours.

Slower to start than ``bubblewrap`` and slower at every call, and worth it where that one does not stand, or where a
hole in the host's kernel is feared more than one in gVisor's.

Outside: the environment is emptied, a runner that is root becomes nobody, and all of gVisor lives in a process
namespace that ends with us. Inside: a root with nothing but the program, what it reads, and the tools that give up the
guest's own privileges and set its limits (``env``, ``setpriv``, ``prlimit``); no network. What the guest writes stays
in the guest's memory.
"""

import platform
import subprocess
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable as printable
from graftwork_runner.walls.copies import copied
from graftwork_runner.walls.guest import LOOK_AROUND
from graftwork_runner.walls.guest import faults_of_guest
from graftwork_runner.walls.launching import ONLY_STANDARD
from graftwork_runner.walls.launching import UID_OF_NOBODY_ELSE
from graftwork_runner.walls.launching import apart
from graftwork_runner.walls.launching import existing
from graftwork_runner.walls.launching import limited
from graftwork_runner.walls.libraries import libraries_of
from graftwork_runner.walls.private import PrivateDirectory
from graftwork_runner.walls.proof import echoing
from graftwork_runner.walls.proof import faults_of_user
from graftwork_runner.walls.proof import inside_and_outside
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits

_ROOM_OF_ITS_OWN = """
for room in "$TMPDIR"/*; do [ "${room##*/}" != $$ ] && [ -e "/proc/${room##*/}" ] || "$2" -rf -- "$room"; done
TMPDIR=$TMPDIR/$$
"$1" -m 777 -- "$TMPDIR" || exit 1
shift 2
"""
"""Killed, ``runsc`` leaves its state behind. So it lies where the next one sees that it is over, and removes it."""
_GUEST_TOOLS = ("env", "setpriv", "prlimit")
_GUEST_ID = "65534"
_ANSWER_SECONDS = 30.0
_OF_A_PROBE = ProcessLimits(memory_bytes=1 << 30, cpu_seconds=600)


class Gvisor:
    """See the module."""

    name: Literal["gvisor"] = "gvisor"

    def __init__(self) -> None:
        """Raises ``WallDown`` if the machine lacks a program that it is built of."""
        self._env, self._sh, self._runsc = map(tool, ("env", "sh", "runsc"))
        self._rooms = tuple(map(tool, ("mkdir", "rm")))
        self._guest_tools = tuple(map(tool, _GUEST_TOOLS))
        self._apart = (*apart(), "--mount-proc")
        self._roots: dict[tuple[Path, ...], Path] = {}
        self._home = PrivateDirectory("gvisor")
        self._state = self._home.give("state", UID_OF_NOBODY_ELSE)

    def command(self, argv: Sequence[str], *, readable: Sequence[Path] = (), limits: ProcessLimits) -> tuple[str, ...]:
        """See ``Wall``."""
        root = self._root_of(existing([Path(argv[0]), *readable]))
        return (
            *(self._env, "-i", f"TMPDIR={self._state}", self._sh, "-c", f"{_ROOM_OF_ITS_OWN}{ONLY_STANDARD}"),
            *("/dev/null", *self._rooms),
            *self._apart,
            *(self._runsc, "--rootless", "--network=none", "do", "--quiet", f"--root={root}", "--cwd=/"),
            *self._guest(limits),
            *argv,
        )

    def prove(self) -> None:
        """Run harmless programs behind the wall and judge them. Raises ``WallDown`` with what is wrong."""
        with echoing(self.command([tool("cat")], limits=_OF_A_PROBE)) as launcher:
            faults = [*self._faults_inside(), *self.faults(launcher, _OF_A_PROBE)]
        if faults:
            raise WallDown(f"a program behind it is not held: {'; '.join(faults)}")

    def faults(self, launcher: int, limits: ProcessLimits) -> list[str]:  # noqa: ARG002 (the guest's kernel has them)
        """See ``Wall``. Judges the process in which the guest's instructions run; its limits cannot be seen there."""
        return [*faults_of_user(*inside_and_outside(launcher))]

    def close(self) -> None:
        """See ``Wall``."""
        self._home.close()

    def _guest(self, limits: ProcessLimits) -> Iterator[str]:
        env, setpriv, prlimit = self._guest_tools
        yield from (env, "-i", setpriv, f"--reuid={_GUEST_ID}", f"--regid={_GUEST_ID}", "--clear-groups")
        yield from ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
        yield from limited(prlimit, limits)

    def _root_of(self, shown: tuple[Path, ...]) -> Path:
        """Directory with copies: gVisor's file server may then be as wrong as it likes."""
        if shown not in self._roots:
            root = self._home.path / f"root-{len(self._roots)}"
            programs = [*shown, *map(Path, self._guest_tools)]
            for path in dict.fromkeys([*programs, *libraries_of(programs)]):
                copied(path, root / path.relative_to("/"))
            self._roots[shown] = root
        return self._roots[shown]

    def _faults_inside(self) -> Iterator[str]:
        """What a program sees of the kernel that it runs on."""
        limits, cat = _OF_A_PROBE, tool("cat")
        looking = [self._sh, "-c", LOOK_AROUND, cat, tool("prlimit")]
        command = self.command(looking, readable=[Path(cat)], limits=limits)
        seen = subprocess.run(  # noqa: S603 (our own command)
            command, capture_output=True, check=False, env={}, cwd="/", timeout=_ANSWER_SECONDS
        )
        if seen.returncode != 0:
            raise WallDown(printable(seen.stderr.decode(errors="replace")) or f"runsc ended with {seen.returncode}")
        said = seen.stdout.decode(errors="replace")
        return faults_of_guest(said, release=platform.release(), uid=_GUEST_ID, limits=limits)
