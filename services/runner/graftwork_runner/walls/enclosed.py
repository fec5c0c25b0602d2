"""A program behind a wall as one executable file, for libraries that start workers by their path."""

import asyncio
import os
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path

from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable
from graftwork_runner.walls.anonymous_files import AnonymousFile
from graftwork_runner.walls.processes import arguments_of
from graftwork_runner.walls.processes import children_of
from graftwork_runner.walls.refusals import refusals_told
from graftwork_runner.walls.tools import tool
from graftwork_runner.walls.wall import ProcessLimits
from graftwork_runner.walls.wall import Wall

_ANSWER_SECONDS = 20.0
_START_SECONDS = 10.0
_UNSEEN = "there is none to be seen"
_LOOK_AGAIN_SECONDS = 0.05


class EnclosedProgram:
    """``path`` is a script that runs the program with its arguments behind ``wall``, without standard error.

    What hostile code writes there would reach our log and whoever's terminal shows it. Raises ``WallDown``.
    """

    def __init__(self, wall: Wall, program: Path, limits: ProcessLimits) -> None:
        self._wall = wall
        self._program = program
        self._limits = limits
        with refusals_told():
            self._command = wall.command([str(program)], limits=limits)
            script = f'#!{tool("sh")}\nexec {shlex.join(self._command)} "$@" 2>/dev/null\n'
            self._file = AnonymousFile("enclosed", script.encode())

    @property
    def path(self) -> Path:
        """Of the script, for children of this process."""
        return self._file.path

    def complaint(self, *arguments: str, seconds: float = _ANSWER_SECONDS) -> str:
        """What the program or its wall has to say on standard error when run with harmless ``arguments``.

        Asked when something is wrong already, so it raises nothing: what keeps it from an answer is the answer.
        """
        try:
            said = subprocess.run(  # noqa: S603 (our own command)
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env={},
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return f"it does not end within {seconds:g} s"
        except OSError as error:
            return readable(str(error))
        return readable(said.stderr.decode(errors="replace"))

    async def prove(self) -> None:
        """Judge every one that runs. Raises ``WallDown`` with what is wrong.

        One that is just being started is not held yet, so faults count once they stay.
        """
        faults = told = self._faults()
        try:
            async with asyncio.timeout(_START_SECONDS):
                while faults:
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
                    faults = self._faults()
                    told = faults if faults != [_UNSEEN] else told  # the kernel's list of children may miss one
        except TimeoutError as error:
            raise WallDown(f"a worker behind {self._wall.name} is not held: {'; '.join(told)}") from error

    def _faults(self) -> list[str]:
        launchers = [pid for pid in children_of(os.getpid()) if str(self._program) in arguments_of(pid)]
        try:
            found = [fault for pid in launchers for fault in self._wall.faults(pid, self._limits)]
        except WallDown as error:
            return [str(error)]
        return found if launchers else [_UNSEEN]

    def close(self) -> None:
        """Forget the script. What runs goes on."""
        self._file.close()


def inherit_nothing() -> None:
    """Keep what this process has open by now, or was given when it was started, from programs it starts."""
    for entry in [*Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one that listed the others is gone
            if int(entry.name) > 2:  # noqa: PLR2004 (the standard three)
                os.set_inheritable(int(entry.name), False)  # noqa: FBT003 (positional only)
