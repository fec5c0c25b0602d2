"""W3C trace context, carried from event to row to event so that a trace survives the ledger.

The trace at hand is OpenTelemetry's own context, so that whatever else speaks OpenTelemetry in this process joins it.
"""

import re
from collections.abc import Iterable
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan
from opentelemetry.trace import SpanContext
from opentelemetry.trace import TraceFlags

_FORM = re.compile(
    r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})",
)
_SCOPE = "graftwork.kit"


def current_traceparent() -> str | None:
    """Trace parent of the work at hand; a new trace begins where there is none, and where spans are exported.

    It begins with a span of its own, so that the sampler decides about it and nobody's parent is unknown. Who exports
    nothing begins nothing: a made-up flag would decide for those who do.
    """
    return inherited_traceparent() or _begun()


def inherited_traceparent() -> str | None:
    """Trace parent of the work at hand, if it belongs to a trace."""
    return traceparent_of(trace.get_current_span())


def traceparent_of(span: trace.Span) -> str | None:
    """The span as W3C writes it; None for one that is none."""
    own = span.get_span_context()
    return f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}" if own.is_valid else None


def is_traceparent(value: str) -> bool:
    """Whether a stranger's word is one."""
    return _FORM.fullmatch(value) is not None


def span_context_of(traceparent: str | None) -> SpanContext | None:
    """The span that a trace parent names; None where it names none."""
    found = _FORM.fullmatch(traceparent or "")
    if found is None:
        return None
    trace_id, span_id, flags = (int(digits, 16) for digits in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))


def trace_id_of(traceparent: str | None) -> str | None:
    """Which trace it is."""
    named = span_context_of(traceparent)
    return None if named is None else f"{named.trace_id:032x}"


def is_recorded() -> bool:
    """Whether the span at hand will be seen by anybody, so that more may be told of it."""
    return trace.get_current_span().is_recording()


def context_of(traceparent: str | None) -> contexts.Context:
    """What OpenTelemetry knows of work that belongs to this trace, or to none."""
    named = span_context_of(traceparent)
    return trace.set_span_in_context(trace.INVALID_SPAN if named is None else NonRecordingSpan(named))


@contextmanager
def traced(traceparent: str | None) -> Iterator[None]:
    """Work inside belongs to this trace; to none if that is no trace parent."""
    token = contexts.attach(context_of(traceparent))
    try:
        yield
    finally:
        contexts.detach(token)


@contextmanager
def ending_here() -> Iterator[None]:
    """A trace that begins inside ends with the block; one that was there before goes on."""
    token = contexts.attach(contexts.get_current())
    try:
        yield
    finally:
        contexts.detach(token)


def link(traceparents: Iterable[str | None]) -> None:
    """Say that the span at hand also follows from these: others that it waited for, or another trace."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
    for named in map(span_context_of, traceparents):
        if named is not None:
            span.add_link(named)


def _begun() -> str | None:
    span = trace.get_tracer(_SCOPE).start_span("begin")
    span.end()
    if span.get_span_context().is_valid:
        contexts.attach(trace.set_span_in_context(span))
    return traceparent_of(span)
