"""How every runtime tells what went wrong with code. Pure."""

from dataclasses import dataclass

from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.contracts.workflows import FailureReason
from graftwork_runner.readable import readable

SCRIPT_NAME = "workflow.py"
TRACE_CHARS = 4_000
TRACE_FRAMES = 12
NO_ENTRY_POINT = f"the code defines no `async def {ENTRY_POINT}(ctx, seed)`"
TURN_TOO_LONG = "the code computed too long without asking the model: an endless loop?"
ALL_TOO_LONG = "the code computed too long in all"
ASKED_ON = "the code went on asking after it was refused, or called helper modules too often"
STUCK = "RuntimeError: the code waits for something that never comes"
_LINE_CHARS = 200


@dataclass(frozen=True)
class Fault:
    """Why code could not be loaded, or a session ended: reason, one readable line, and a trace with lines of code."""

    reason: FailureReason
    detail: str
    trace: str


def frame_line(line: int, function: str | None, source: str) -> str:
    """One line of a trace."""
    named = f", in {function}" if function not in {None, "<module>"} else ""
    return f"{SCRIPT_NAME}, line {line}{named}: {readable(source, _LINE_CHARS)}"
