"""What every runtime's sessions have in common: how they are used, and how they tell what went wrong."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.contracts.workflows import FailureReason
from graftwork_runner.attempt import Attempt
from graftwork_runner.readable import readable

SCRIPT_NAME = "workflow.py"
TRACE_CHARS = 4_000
TRACE_FRAMES = 12
NO_ENTRY_POINT = f"the code defines no `async def {ENTRY_POINT}(ctx, seed)`"
TURN_TOO_LONG = "the code computed too long without asking the model: an endless loop?"
ALL_TOO_LONG = "the code computed too long in all"
ASKED_ON = "the code went on asking after it was refused, or called helper modules too often"
_LINE_CHARS = 200


@dataclass(frozen=True)
class Fault:
    """Why code could not be loaded, or a session ended: reason, one readable line, and a trace with lines of code."""

    reason: FailureReason
    detail: str
    trace: str


@dataclass(frozen=True)
class Loading:
    """How loading went. ``doubts``: the type checker's report where it was not certain enough to refuse."""

    fault: Fault | None = None
    doubts: str = ""


class Session(Protocol):
    """A worker's attention for one workflow and one attempt at its seeds."""

    async def load(self, code: str, *, check: bool) -> Loading:
        """Run the module; ``check`` it first, where the runtime can, which needs doing once per workflow."""
        ...

    async def run(self, attempt: Attempt) -> Fault | None:
        """Run all seeds of ``attempt``; return what ended the session before its seeds, if anything did."""
        ...

    async def run_uncaught(self, attempt: Attempt) -> Fault | None:
        """Run the only seed of ``attempt`` and return how it failed, if it did."""
        ...


Checkout = Callable[[int, str], AbstractAsyncContextManager[Session]]
"""Session over that many seeds, with that entropy."""


def frame_line(line: int, function: str | None, source: str) -> str:
    """One line of a trace."""
    named = f", in {function}" if function not in {None, "<module>"} else ""
    return f"{SCRIPT_NAME}, line {line}{named}: {readable(source, _LINE_CHARS)}"
