"""The spans of a call between a service and a solver pod, under OpenTelemetry's names for RPC (``rpc.*``)."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from graftwork.kit.spans import Spans
from graftwork.kit.spans import fail
from graftwork.kit.tracing import traced
from graftwork.models.channels import SERVICE
from graftwork.models.telemetry import server_attributes

_STATUS = "rpc.response.status_code"


def full_method(name: str) -> str:
    """``Generate`` as it is called on the wire."""
    return f"{SERVICE}/{name}"


@contextmanager
def calling(spans: Spans, method: str, server: str) -> Iterator[None]:
    """One try of a call to the pods at ``server``: the client's span."""
    attributes = {"rpc.system.name": "grpc", "rpc.method": method, **server_attributes(server)}
    with spans.span(method, SpanKind.CLIENT, attributes) as span:
        try:
            yield
        except grpc.aio.AioRpcError as failure:
            refused(span, failure.code())
            raise
        span.set_attribute(_STATUS, grpc.StatusCode.OK.name)


@contextmanager
def answering(spans: Spans, method: str, traceparent: str | None) -> Iterator[trace.Span]:
    """What a pod does for one call: the server's span. It says ``answered`` or ``refused`` in the end."""
    attributes = {"rpc.system.name": "grpc", "rpc.method": method}
    with traced(traceparent), spans.span(method, SpanKind.SERVER, attributes) as span:
        yield span


def refused(span: trace.Span, code: grpc.StatusCode) -> None:
    """The call ends with this status, which says more than an exception's name."""
    span.set_attribute(_STATUS, code.name)
    fail(span, code.name)


def answered(span: trace.Span) -> None:
    """The call ends well."""
    span.set_attribute(_STATUS, grpc.StatusCode.OK.name)
