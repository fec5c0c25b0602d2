"""OpenTelemetry, set up where the standard ``OTEL_*`` variables ask for it. Without them its API does nothing.

Spans and metrics go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` over HTTP; ``OTEL_TRACES_EXPORTER`` and
``OTEL_METRICS_EXPORTER`` (``otlp``, ``console``, ``none``) choose for each. The SDK, which is loaded only then, reads
the others itself: headers, sampler, intervals, resource.
"""

import os
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager

from graftwork.kit.logging import get_logger

log = get_logger(__name__)

_KNOWN = ("otlp", "console")
_OVER_HTTP = "http/protobuf"


@contextmanager
def telemetry(service: str) -> Iterator[None]:
    """Export what the block does, as the environment says; what waits is sent at its end. Once per process."""
    spans, numbers = exporter_of("TRACES", os.environ), exporter_of("METRICS", os.environ)
    if spans is None and numbers is None:
        yield
        return
    from graftwork.kit import exporters  # noqa: PLC0415 - loading the SDK takes as long as starting a service

    stops = []
    if spans is None:
        exporters.export_no_spans()
    else:
        stops.append(exporters.export_spans(spans, service))
    if numbers is not None:
        stops.append(exporters.export_metrics(numbers, service))
    log.info("telemetry.started", traces=spans, metrics=numbers)
    try:
        yield
    finally:
        for stop in stops:
            stop()


def exporter_of(signal: str, environment: Mapping[str, str]) -> str | None:
    """Which exporter the variables choose for ``TRACES`` or ``METRICS``; None: none, or one that we do not have."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    chosen = environment.get(f"OTEL_{signal}_EXPORTER", "").strip().lower()
    if not chosen:
        return "otlp" if _either(environment, signal, "ENDPOINT") and _over_http(environment, signal) else None
    if chosen == "none" or (chosen == "otlp" and not _over_http(environment, signal)):
        return None
    if chosen not in _KNOWN:
        log.warning("telemetry.exporter_unknown", signal=signal.lower(), exporter=chosen, known=_KNOWN)
        return None
    return chosen


def _over_http(environment: Mapping[str, str], signal: str) -> bool:
    protocol = _either(environment, signal, "PROTOCOL") or _OVER_HTTP
    if protocol != _OVER_HTTP:
        log.warning("telemetry.protocol_unknown", signal=signal.lower(), protocol=protocol, known=_OVER_HTTP)
    return protocol == _OVER_HTTP


def _either(environment: Mapping[str, str], signal: str, name: str) -> str | None:
    """A signal's own variable wins over the one for all."""
    return environment.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or environment.get(f"OTEL_EXPORTER_OTLP_{name}")
