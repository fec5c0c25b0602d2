"""Spans under the names of OpenTelemetry's conventions. Where nothing exports them, they cost next to nothing.

Ids are in them, and never what was said to a model, what it answered, or the words of an error, which may quote either.
"""

import asyncio
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.kit.errors import GraftworkError
from graftwork.kit.tracing import context_of

Attributes = Mapping[str, Any]
"""What is None is left out."""

_SCOPE = "graftwork"


class Spans:
    """Makes spans. ``tracers``: where they go; None: where the process exports them, if it does."""

    def __init__(self, tracers: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracers)
        self._given = tracers is not None

    @property
    def exported(self) -> bool:
        """Whether anybody will see them."""
        return self._given or exports_spans()

    def start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        *,
        parent: str | None = None,
        links: tuple[trace.Link, ...] = (),
    ) -> trace.Span:
        """A span that the caller ends. ``parent``: a trace parent; None: the span at hand."""
        context = None if parent is None else context_of(parent)
        return self._tracer.start_span(name, context=context, kind=kind, attributes=_present(attributes), links=links)

    @contextmanager
    def span(self, name: str, kind: SpanKind, attributes: Attributes) -> Iterator[trace.Span]:
        """A span around the block, with what the block raises told by its kind."""
        if not self.exported:
            yield trace.INVALID_SPAN
            return
        span = self.start(name, kind, attributes)
        try:
            with at_hand(span):
                yield span
        except BaseException as error:
            if not _told(span):
                fail(span, error)
            raise
        finally:
            span.end()


@contextmanager
def at_hand(span: trace.Span) -> Iterator[None]:
    """What is done inside belongs to ``span``, which does not end with it."""
    with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        yield


def fail(span: trace.Span, error: BaseException | str) -> None:
    """Tell what went wrong, by its kind."""
    span.set_attribute("error.type", error if isinstance(error, str) else error_type(error))
    span.set_status(StatusCode.ERROR)


def tell(**ids: str | int | None) -> None:
    """Ids of what the span at hand is about: ``job_id`` becomes ``graftwork.job_id``."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes({f"graftwork.{name}": value for name, value in ids.items() if value is not None})


def error_type(error: BaseException) -> str:
    """A short word for what went wrong: the code of our errors, ``cancelled``, or the name of the class."""
    if isinstance(error, GraftworkError):
        return error.code
    return "cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__


def exports_spans() -> bool:
    """Whether this process was told to export spans."""
    nobodys = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
    return not isinstance(trace.get_tracer_provider(), nobodys)


def _told(span: trace.Span) -> bool:
    """Whether it was said already what went wrong, in a better word than an exception's name."""
    status: trace.Status | None = getattr(span, "status", None)
    return status is not None and not status.is_unset


def _present(attributes: Attributes) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
