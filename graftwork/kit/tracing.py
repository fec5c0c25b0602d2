"""W3C trace context, carried from event to row to event so that a trace survives the ledger."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_traceparent() -> str:
    """Trace parent of the work at hand; a new trace begins where there is none."""
    found = _current.get()
    if found is None:
        found = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        _current.set(found)
    return found


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Work inside belongs to this trace."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
