"""The port to walls: how a program is run behind one, and what it may use of the machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from typing import Protocol

WallChoice = Literal["auto", "bubblewrap", "gvisor", "none"]


@dataclass(frozen=True)
class ProcessLimits:
    """What one program behind a wall may use.

    ``memory_bytes``: address space. ``processes``: threads included; behind a wall no other processes can be made.
    ``file_bytes``: largest file it may write; there is nowhere to write one. ``cpu_seconds``: None, as much as it
    lives, which suits workers that serve many requests.
    """

    memory_bytes: int
    processes: int = 16
    open_files: int = 64
    file_bytes: int = 0
    cpu_seconds: int | None = None


class Wall(Protocol):
    """Runs programs where they can reach nothing."""

    @property
    def name(self) -> str:
        """Name in health, logs and results."""
        ...

    def command(self, argv: Sequence[str], *, readable: Sequence[Path] = (), limits: ProcessLimits) -> tuple[str, ...]:
        """Command line that runs ``argv`` behind the wall.

        ``argv[0]`` is absolute. The program sees a read-only root that holds itself, ``readable`` (files and
        directories, at the same paths) and the shared libraries of all of them; its environment is empty, it has no
        network and no privileges. Standard input, output and error are passed through. It ends with the process
        that started it. Start it from a thread that lives as long as it should.

        Raises ``WallDown`` if a path is not there.
        """
        ...

    def faults(self, launcher: int, limits: ProcessLimits) -> list[str]:
        """What is wrong with a program that runs behind the wall, seen from outside; empty if it is held.

        ``launcher``: process id of what was started with a ``command`` of these ``limits``. Raises ``WallDown`` if
        this process may not look.
        """
        ...

    def close(self) -> None:
        """Give back what the wall keeps. Commands made by it cannot be started after that."""
        ...
