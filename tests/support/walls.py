"""The walls of this machine, for tests: proven once in a process, skipped where they do not stand."""

import os
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from subprocess import PIPE
from subprocess import CompletedProcess
from subprocess import run

import pytest

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import ProcessLimits
from graftwork_runner.walls import Wall
from graftwork_runner.walls import WallChoice
from graftwork_runner.walls import strongest_wall

needs_bwrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
needs_runsc = pytest.mark.skipif(shutil.which("runsc") is None, reason="gVisor is not installed")
EVERY_WALL = [pytest.param("bubblewrap", marks=needs_bwrap), pytest.param("gvisor", marks=needs_runsc)]
LIMITS = ProcessLimits(memory_bytes=1 << 30)


def standing(name: WallChoice) -> Wall:
    """The wall of that name; the test is skipped, with the reason, if it does not stand here."""
    found = _try(name)
    if isinstance(found, str):
        pytest.skip(f"{name} does not stand here: {found}")
    return found


@cache
def the_strongest() -> Wall | None:
    """What ``auto`` finds."""
    return strongest_wall("auto")


def behind(
    wall: Wall, *argv: str, readable: Sequence[Path] = (), limits: ProcessLimits = LIMITS
) -> CompletedProcess[str]:
    """Run a program of this machine, by its name, behind ``wall``."""
    program = shutil.which(argv[0])
    assert program is not None
    command = wall.command([program, *argv[1:]], readable=readable, limits=limits)
    return run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603


def python_as_nobody() -> Sequence[str]:
    """Command line of this interpreter as an ordinary user; the test is skipped where that cannot be."""
    if os.geteuid() != 0:
        return [sys.executable]
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("only root, and no setpriv to become anyone else")
    python = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
    tried = run([*python, "-c", "import graftwork_runner.monty"], stderr=PIPE, text=True, check=False)  # noqa: S603
    if tried.returncode != 0:
        pytest.skip(f"an ordinary user cannot run this interpreter: {tried.stderr[-300:]}")
    return python


@cache
def _try(name: WallChoice) -> Wall | str:
    try:
        wall = strongest_wall(name)
    except WallDown as error:
        return str(error)
    assert wall is not None
    return wall
