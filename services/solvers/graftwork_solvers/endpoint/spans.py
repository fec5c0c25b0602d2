"""The span of one exchange with the endpoint, and its name in the request, so that an engine's own spans join.

Every endpoint is told: a trace parent is two random numbers and a flag, and says nothing of who asks or what for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from graftwork.kit.spans import Spans
from graftwork.kit.spans import fail
from graftwork.kit.tracing import inherited_traceparent
from graftwork.models.telemetry import server_attributes

_FIRST_ERROR = 400


@contextmanager
def requesting(spans: Spans, request: httpx.Request, template: str) -> Iterator[trace.Span]:
    """Around an exchange: the client's span. ``template``: the path behind the endpoint's own URL.

    What belongs to no trace begins none: a pod looks at its endpoint every few seconds.
    """
    if inherited_traceparent() is None:
        yield trace.INVALID_SPAN
        return
    attributes = _attributes(request, template) if spans.exported else {}
    with spans.span(f"{request.method} {template}", SpanKind.CLIENT, attributes) as span:
        request.headers["traceparent"] = str(inherited_traceparent())
        yield span


def tell_status(span: trace.Span, status: int) -> None:
    """How the endpoint answered."""
    span.set_attribute("http.response.status_code", status)
    if status >= _FIRST_ERROR:
        fail(span, str(status))


def _attributes(request: httpx.Request, template: str) -> dict[str, str | int]:
    url = request.url
    return {
        "http.request.method": request.method,
        "url.full": str(url.copy_with(userinfo=b"", query=None)),
        "url.template": template,
        **server_attributes(f"{url.scheme}://{url.netloc.decode()}"),
    }
