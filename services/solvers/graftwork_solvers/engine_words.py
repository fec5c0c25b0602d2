"""What an engine writes: lines, whatever ends them, and in the end the reason why it ended. Pure."""

import re
from collections import deque
from collections.abc import Iterator

from graftwork.kit.last_words import last_words

LONGEST_LINE_BYTES = 2_000
_KEPT_LINES = 200
# Progress bars end their lines with a carriage return.
_ENDS = re.compile(rb"[\r\n]")
# (EngineCore pid=12) ERROR 11-21 20:43:57 [core.py:1454] What is said
_PREFIX = re.compile(
    r"^(?:\((?P<who>[\w .:-]+?)(?: pid=\d+)?\)\s+)?"
    r"(?:(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d \d\d:\d\d:\d\d\s+(?:\[[^\]]*\]\s?)?)?"
)
_LEVELS = {"DEBUG": "debug", "WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}
_REASON = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception)\b.*: *\S|(?:exited|died) unexpectedly")
# What the processes around the one that failed say about it.
_ECHOES = ("Engine core initialization failed", "WorkerProc initialization failed", "EngineDeadError")


class Lines:
    """Cuts a stream into lines of bounded length; what is longer is cut off."""

    def __init__(self) -> None:
        self._begun = b""

    def more(self, chunk: bytes) -> Iterator[str]:
        """The lines that ``chunk`` completes, blank ones left out."""
        *ended, self._begun = _ENDS.split(self._begun + chunk)
        self._begun = self._begun[:LONGEST_LINE_BYTES]
        yield from filter(None, map(_text, ended))

    def rest(self) -> str:
        """What was written after the last end of a line."""
        return _text(self._begun)


def _text(line: bytes) -> str:
    return line[:LONGEST_LINE_BYTES].decode(errors="replace").rstrip()


def level_of(line: str) -> str:
    """The level of our log at which a line of the engine belongs."""
    found = _PREFIX.match(line)
    return _LEVELS.get(found["level"], "info") if found and found["level"] else "info"


class Memory:
    """Keeps the last lines of an engine."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def keep(self, line: str) -> None:
        """Keep a line, without the prefix that tells process and time; the inside of tracebacks says too little."""
        said = _PREFIX.sub("", line, count=1)
        if not said.startswith((" ", "Traceback")):
            self._lines.append(said)

    def reason(self) -> str:
        """The last exception or sudden death that is no echo of another, else what the end says; empty for silence."""
        own = [line for line in self._lines if not any(echo in line for echo in _ECHOES)]
        reasons = [line for line in own if _REASON.search(line)]
        return last_words(reasons[-1:] or own)
