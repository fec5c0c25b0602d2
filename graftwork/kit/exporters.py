"""The SDK of OpenTelemetry with the exporters that a process may ask for. Only ``telemetry`` loads it, when asked."""

from collections.abc import Callable

from opentelemetry import metrics
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

OTLP, CONSOLE = "otlp", "console"
_SPANS = {OTLP: OTLPSpanExporter, CONSOLE: ConsoleSpanExporter}
_METRICS = {OTLP: OTLPMetricExporter, CONSOLE: ConsoleMetricExporter}


def export_spans(exporter: str, service: str) -> Callable[[], None]:
    """Send all spans of this process there; call what is returned at its end."""
    provider = TracerProvider(resource=resource_of(service), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_SPANS[exporter]()))
    trace.set_tracer_provider(provider)
    return provider.shutdown


def export_metrics(exporter: str, service: str) -> Callable[[], None]:
    """Send all OpenTelemetry metrics of this process there; call what is returned at its end."""
    reader = PeriodicExportingMetricReader(_METRICS[exporter]())
    provider = MeterProvider([reader], resource=resource_of(service), shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    return provider.shutdown


def export_no_spans() -> None:
    """Say that something else is exported."""
    trace.set_tracer_provider(trace.NoOpTracerProvider())


def resource_of(service: str) -> Resource:
    """Who speaks; ``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` win."""
    ours = {"service.name": f"graftwork-{service}", "service.namespace": "graftwork"}
    told = OTELResourceDetector().detect().attributes
    return Resource.create({name: value for name, value in ours.items() if name not in told})
