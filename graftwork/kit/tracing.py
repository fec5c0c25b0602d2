"""W3C trace context, carried from event to row to event so that a trace survives the ledger."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str:
    """Trace parent of the work at hand; a new trace begins where there is none."""
    found = _current.get()
    if found is None:
        found = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        _current.set(found)
    return found


def inherited_traceparent() -> str | None:
    """Trace parent of the work at hand, if it belongs to a trace."""
    return _current.get()


def is_traceparent(value: str) -> bool:
    """Whether a stranger's word is one."""
    return _FORM.fullmatch(value) is not None


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Work inside belongs to this trace."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
