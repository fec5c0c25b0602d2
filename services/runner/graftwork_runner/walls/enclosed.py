"""A program behind a wall as one executable file, for libraries that start workers by their path."""

import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path

from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable
from graftwork_runner.walls.anonymous_files import AnonymousFile
from graftwork_runner.walls.processes import children_of
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits
from graftwork_runner.walls.wall import Wall

_ANSWER_SECONDS = 20.0


class EnclosedProgram:
    """``path`` is a script that runs the program with its arguments behind ``wall``, without standard error.

    What hostile code writes there would reach our log and whoever's terminal shows it. Raises ``WallDown``.
    """

    def __init__(self, wall: Wall, program: Path, limits: ProcessLimits) -> None:
        self._wall = wall
        self._limits = limits
        self._command = wall.command([str(program)], limits=limits)
        script = f'#!{tool("sh")}\nexec {shlex.join(self._command)} "$@" 2>/dev/null\n'
        self._file = AnonymousFile("enclosed", script.encode())
        self._others = frozenset(children_of(os.getpid()))

    @property
    def path(self) -> Path:
        """Of the script, for children of this process."""
        return self._file.path

    def complaint(self, *arguments: str) -> str:
        """What the program or its wall has to say on standard error when run with harmless ``arguments``."""
        said = subprocess.run(  # noqa: S603 (our own command)
            [*self._command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={},
            timeout=_ANSWER_SECONDS,
        )
        return readable(said.stderr.decode(errors="replace"))

    def prove(self) -> None:
        """Judge every one that was started by now, while it runs. Raises ``WallDown`` with what is wrong."""
        running = set(children_of(os.getpid())) - self._others
        if faults := [fault for pid in running for fault in self._wall.faults(pid, self._limits)]:
            raise WallDown(f"a worker behind {self._wall.name} is not held: {'; '.join(faults)}")

    def close(self) -> None:
        """Forget the script. What runs goes on."""
        self._file.close()


def inherit_nothing() -> None:
    """Keep what this process has open by now, or was given when it was started, from programs it starts."""
    for entry in [*Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one that listed the others is gone
            if int(entry.name) > 2:  # noqa: PLR2004 (the standard three)
                os.set_inheritable(int(entry.name), False)  # noqa: FBT003 (positional only)
