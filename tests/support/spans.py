"""OpenTelemetry that a test can read: spans and metrics kept in memory."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import SpanContext
from opentelemetry.trace import format_span_id
from opentelemetry.trace import format_trace_id

from graftwork.kit.spans import Spans
from graftwork.models.telemetry import ModelTelemetry


class Recorded:
    """What one process would export."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)

    @property
    def here(self) -> Spans:
        """Spans that end up here."""
        return Spans(self.tracers)

    def named(self, *names: str) -> list[ReadableSpan]:
        """Spans of these names that have ended, in the order in which they began."""
        return sorted((span for span in self.spans if span.name in names), key=lambda span: span.start_time or 0)

    def telemetry(self, provider: str, *, counts_tokens: bool) -> ModelTelemetry:
        """Telemetry that ends up here."""
        return ModelTelemetry(provider, counts_tokens=counts_tokens, tracers=self.tracers, meters=self._meters)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Spans that have ended."""
        return self._spans.get_finished_spans()

    @property
    def span(self) -> ReadableSpan:
        """The only one."""
        [only] = self.spans
        return only

    def points(self, metric: str) -> list[HistogramDataPoint]:
        """Points of a histogram."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        found = [one for scope in scopes for one in scope.metrics if one.name == metric]
        return [point for one in found for point in one.data.data_points if isinstance(point, HistogramDataPoint)]

    @property
    def everything(self) -> str:
        """All of it as text, to look for what must not be in it."""
        data = self._reader.get_metrics_data()
        return "\n".join([*(span.to_json() for span in self.spans), data.to_json() if data else ""])


def attributes(span: ReadableSpan | HistogramDataPoint) -> Mapping[str, Any]:
    """Attributes as plain values."""
    return dict(span.attributes or {})


def traceparent_of(span: ReadableSpan) -> str:
    """The span as the W3C writes it."""
    own = span.get_span_context()
    assert own is not None
    return _written(own)


def parent_of(span: ReadableSpan) -> str | None:
    """Traceparent of the span's parent."""
    above = span.parent
    if above is None:
        return None
    return _written(above)


def _written(named: SpanContext) -> str:
    return f"00-{format_trace_id(named.trace_id)}-{format_span_id(named.span_id)}-{named.trace_flags:02x}"
