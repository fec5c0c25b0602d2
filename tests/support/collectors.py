"""A collector of OpenTelemetry that keeps what it is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from gzip import decompress

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.traces import Exported
from tests.support.traces import exported_of


@dataclass
class Collector:
    """``bodies``: by path, as they came."""

    url: str = ""
    bodies: dict[str, list[bytes]] = field(default_factory=dict)

    async def on_export(self, request: web.Request) -> web.Response:
        """Keep it."""
        body = await request.read()
        plain = decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
        self.bodies.setdefault(request.path, []).append(plain)
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[tuple[str, str]]:
        """Service and name of every span."""
        return [(span.service, span.name) for span in self.exported]

    @property
    def exported(self) -> list[Exported]:
        """Every span, in the order in which they came."""
        sent = [ExportTraceServiceRequest.FromString(body) for body in self.bodies.get("/v1/traces", ())]
        return [
            exported_of(_service(resource.resource.attributes), span)
            for request in sent
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metrics(self) -> set[str]:
        """Names of all metrics."""
        sent = [ExportMetricsServiceRequest.FromString(body) for body in self.bodies.get("/v1/metrics", ())]
        return {
            metric.name
            for request in sent
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def _service(attributes: object) -> str:
    [name] = [one.value.string_value for one in attributes if one.key == "service.name"]  # type: ignore[attr-defined]
    return str(name)


@asynccontextmanager
async def running_collector() -> AsyncIterator[Collector]:
    """Serve one on a free port."""
    collector = Collector()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/{signal}", collector.on_export)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()
