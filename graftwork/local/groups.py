"""Errors that come out of task groups."""

from collections.abc import Iterator
from contextlib import contextmanager

from graftwork.local.errors import LocalServerError


@contextmanager
def plainly() -> Iterator[None]:
    """Raise the first of our own errors instead of the group it came in; anything else keeps its group."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours, others = group.split(LocalServerError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None


def _first(group: BaseExceptionGroup[LocalServerError]) -> LocalServerError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
