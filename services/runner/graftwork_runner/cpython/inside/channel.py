"""The only way out: frames of JSON, each after its length in four bytes, on descriptors of our own.

Standard input, output and error are replaced by pipes that lead nowhere, so that what the workflow or a library
prints, or a crash of the interpreter says, cannot get between the frames by accident.
"""

import fcntl
import json
import os
import struct
import sys
from typing import Any

_LENGTH = struct.Struct(">I")
_DETAIL_CHARS = 2_000


class Channel:
    """Takes the descriptors over when it is made."""

    def __init__(self) -> None:
        self._orders, self._messages = os.dup(0), os.dup(1)  # neither is inherited by a program started from here
        self._writing = False
        _lead_nowhere()
        os.register_at_fork(after_in_child=self.close)

    def send(self, kind: str, /, **message: Any) -> None:
        """Say something. Text is sent as it is; see ``plain``."""
        content = json.dumps({"type": kind, **message}).encode()
        self._writing = True
        _write_all(self._messages, _LENGTH.pack(len(content)) + content)
        self._writing = False

    def send_unless_speaking(self, kind: str, /, **message: Any) -> None:
        """Say something from a signal handler, which may have come amid a frame."""
        if not self._writing:
            self.send(kind, **message)

    def receive(self) -> dict[str, Any]:
        """Wait for the next order; the process ends where there will be none."""
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        order: dict[str, Any] = json.loads(self._read(length))
        return order

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self._orders)
        os.close(self._messages)

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._orders, size)
            if not part:
                os._exit(0)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class Sink:
    """Stands for ``sys.stdout`` and ``sys.stderr``: drops what is written, and minds how much it is."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self) -> None:
        self.chars_left = 0

    def write(self, text: str) -> int:
        """Drop ``text``. Raises ``MemoryError`` once the limit is reached."""
        self.chars_left -= len(text)
        if self.chars_left < 0:
            raise MemoryError("more was printed than is allowed")
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""

    def isatty(self) -> bool:
        """Nobody looks."""
        return False


def plain(text: object, limit: int = _DETAIL_CHARS) -> str:
    """Text that fits a frame: bounded, and without half characters."""
    try:
        return str(text)[:limit].encode("utf-8", "replace").decode()
    except BaseException:  # noqa: BLE001 (the __str__ of an exception may do anything)
        return ""


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _lead_nowhere() -> None:
    """There may be no /dev/null. A full pipe that is never read refuses what is written, and does not block."""
    silent, speaking = os.pipe()
    os.dup2(silent, 0)
    _unread, full = os.pipe()
    fcntl.fcntl(full, fcntl.F_SETFL, fcntl.fcntl(full, fcntl.F_GETFL) | os.O_NONBLOCK)
    os.dup2(full, 1)
    os.dup2(full, 2)
    for needed_no_more in (silent, speaking, full):
        os.close(needed_no_more)


def silence() -> Sink:
    """Put a sink in the place of the interpreter's own streams."""
    sink = Sink()
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 (there is no path)
    for name in ("stdout", "stderr", "__stdout__", "__stderr__"):
        setattr(sys, name, sink)
    return sink
