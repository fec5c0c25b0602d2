"""What the type checker and the interpreter say of workflow code, made certain, short and readable."""

import itertools
import re

from pydantic_monty import Frame
from pydantic_monty import MontyCrashedError
from pydantic_monty import MontyError
from pydantic_monty import MontyRuntimeError
from pydantic_monty import MontySyntaxError

from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.contracts.dialect import hints_for
from graftwork.contracts.workflows import FailureReason
from graftwork_runner.faults import ALL_TOO_LONG
from graftwork_runner.faults import ASKED_ON
from graftwork_runner.faults import SCRIPT_NAME
from graftwork_runner.faults import TRACE_CHARS
from graftwork_runner.faults import TRACE_FRAMES
from graftwork_runner.faults import TURN_TOO_LONG
from graftwork_runner.faults import Fault
from graftwork_runner.faults import frame_line
from graftwork_runner.readable import readable

_MODULE_FEED = "<python-input-0>"
_DIAGNOSTIC = re.compile(rf"^{re.escape(SCRIPT_NAME)}:\d+:\d+: error\[(?P<rule>[a-z-]+)\] (?P<message>.*)$")
_PLAIN_ENTRY_POINT = re.compile(rf"^(async def {ENTRY_POINT}\(\s*\w+)(\s*,\s*\w+)(\s*,?\s*\))", re.MULTILINE)
_CERTAIN_RULES = frozenset(
    {
        "call-non-callable",
        "invalid-await",
        "invalid-syntax",
        "missing-argument",
        "not-iterable",
        "not-subscriptable",
        "positional-only-parameter-as-kwarg",
        "too-many-positional-arguments",
        "unknown-argument",
        "unresolved-attribute",
        "unresolved-import",
        "unresolved-reference",
        "unsupported-operator",
    }
)
_CERTAIN_ARGUMENTS = ("`Ctx.llm", "Method `__getitem__`")
_HINTS = {
    "turn time limit": TURN_TOO_LONG,
    "feed time limit": ALL_TOO_LONG,
    "suspension limit": ASKED_ON,
}
_UNCERTAIN = (" in union ", "`None`", "__future__")


def annotated(code: str) -> str:
    """Return ``code`` with the entry point's bare parameters annotated, so that ``ctx`` and ``seed`` are checked."""
    return _PLAIN_ENTRY_POINT.sub(r"\1: Ctx\2: Seed\3", code, count=1)


def certain(report: str) -> list[str]:
    """Lines of a type checker's concise ``report`` that are sure to fail when they run.

    The others are true of the annotations only, or of a value that *may* be None: code written by models is full
    of ``re.search(...).group()``, and most of it works.
    """
    return [line for line in report.splitlines() if _is_certain(line)]


def type_fault(report: str, certain_lines: list[str]) -> Fault:
    """Fault of code that the type checker refuses."""
    return Fault(FailureReason.CRASHED, readable(certain_lines[0]), hinted(readable(report, TRACE_CHARS)))


def hinted(trace: str) -> str:
    """Append to the trace of a failure what to write instead of what the runtime lacks."""
    return "\n".join([trace, *(f"Note: {hint}" for hint in hints_for(trace))])


def advice(trace: str, report: str) -> str:
    """Append what the type checker doubted to the trace of something that failed."""
    return f"{trace}\n\nThe type checker had doubts:\n{readable(report, TRACE_CHARS)}" if report else trace


def fault_of(error: MontyError) -> Fault:
    """Fault of a load or a session that ended with ``error``."""
    if isinstance(error, MontyCrashedError):
        reason = FailureReason.TIMED_OUT if error.timed_out else FailureReason.CRASHED
        return Fault(reason, readable(str(error)), readable(str(error)))
    detail = readable(_named(error))
    return Fault(_reason(error), detail, _trace(error, detail))


def _is_certain(line: str) -> bool:
    found = _DIAGNOSTIC.match(line)
    if found is None or any(mark in line for mark in _UNCERTAIN):
        return False
    if found["rule"] == "invalid-argument-type":
        return any(mark in line for mark in _CERTAIN_ARGUMENTS)
    return found["rule"] in _CERTAIN_RULES


def _reason(error: MontyError) -> FailureReason:
    match error.exception():
        case TimeoutError() if _is_limit(error):
            return FailureReason.TIMED_OUT
        case MemoryError() | RecursionError():
            return FailureReason.LIMIT_EXCEEDED
        case RuntimeError() if _is_limit(error):
            return FailureReason.LIMIT_EXCEEDED
    return FailureReason.CRASHED


def _is_limit(error: MontyError) -> bool:
    return " limit " in str(error)


def _named(error: MontyError) -> str:
    text = error.display("type-msg") if isinstance(error, MontyRuntimeError | MontySyntaxError) else str(error)
    hints = [hint for mark, hint in _HINTS.items() if mark in text]
    return f"{text} ({hints[0]})" if hints else text


def _trace(error: MontyError, detail: str) -> str:
    frames = error.traceback() if isinstance(error, MontyRuntimeError | MontySyntaxError) else []
    own = [frame for frame in frames if frame.filename in {_MODULE_FEED, SCRIPT_NAME}]
    lines = [line for line, _ in itertools.groupby(map(_frame_line, own))]  # recursion says it once
    return hinted(readable("\n".join([*lines[-TRACE_FRAMES:], detail]), TRACE_CHARS))


def _frame_line(frame: Frame) -> str:
    return frame_line(frame.line, frame.function_name, frame.source_line or "")
