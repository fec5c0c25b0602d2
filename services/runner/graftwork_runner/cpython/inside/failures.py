"""What an exception tells about itself, in terms that need no trust: names, text, numbers of lines."""

from types import FrameType
from types import TracebackType
from typing import Any

from .channel import plain

_SCRIPT_NAME = "workflow.py"
_FRAMES = 12
_NAME_CHARS = 100


def told(error: BaseException) -> dict[str, Any]:
    """Kind, message and lines of ``error``."""
    message = plain(error)
    if isinstance(error, MemoryError) and not message:
        message = "memory limit exceeded"
    return {"kind": plain(type(error).__name__, _NAME_CHARS), "message": message, "lines": _lines(error)}


def where(frame: FrameType | None) -> list[tuple[int, str]]:
    """Lines of the workflow that led to ``frame``, outermost first."""
    lines = []
    while frame is not None:
        if frame.f_code.co_filename == _SCRIPT_NAME:
            lines.append((frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return _shown(lines[::-1])


def _lines(error: BaseException) -> list[tuple[int, str]]:
    lines = [*_walk(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename == _SCRIPT_NAME and isinstance(error.lineno, int):
        lines.append((error.lineno, "<module>"))
    return _shown(lines)


def _walk(traceback: TracebackType | None) -> Any:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == _SCRIPT_NAME:
            yield traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next


def _shown(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Recursion is said once."""
    distinct = [line for line, before in zip(lines, [None, *lines], strict=False) if line != before]
    return [(line, plain(name, _NAME_CHARS)) for line, name in distinct[-_FRAMES:]]
