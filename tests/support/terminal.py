"""The ``graftwork`` command at a terminal: what it prints there, and what a person types."""

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.command import COMMAND
from tests.support.command import environment


class Terminal:
    """A command whose standard streams are a terminal of 120 columns."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self._process = process
        self._screen = screen
        self.shown = ""

    @classmethod
    @contextmanager
    def running(cls, home: Path, *arguments: str, **given: str) -> Iterator[Self]:
        """Run a command at a terminal, and leave nothing of it."""
        screen, inside = pty.openpty()
        given = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "50", **given}
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [*COMMAND, *arguments], env=environment(home, given), cwd=home.parent,
            stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        )  # fmt: skip
        os.close(inside)
        try:
            yield cls(process, screen)
        finally:
            process.kill()
            process.wait()
            os.close(screen)

    def see(self, text: str) -> None:
        """Read until ``text`` was shown. Raises ``AssertionError`` where the command ends before."""
        while text not in self.shown:
            if not self._read():
                raise AssertionError(f"{text!r} was not shown: {self.shown!r}")

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{line}\n".encode())

    def end(self) -> int:
        """Read what is left; return the exit status."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        try:
            part = os.read(self._screen, 4096)
        except OSError:  # how Linux tells that nobody holds the other side any more
            part = b""
        self.shown += part.decode(errors="replace")
        return bool(part)
