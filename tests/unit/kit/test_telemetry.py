"""Which exporters the standard variables choose."""

import pytest
from opentelemetry import trace
from structlog.testing import capture_logs

from graftwork.kit.telemetry import exporter_of
from graftwork.kit.telemetry import telemetry

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
AT = "http://127.0.0.1:4318"


@pytest.mark.parametrize(
    ("environment", "traces", "metrics"),
    [
        ({}, None, None),
        ({ENDPOINT: AT}, "otlp", "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": AT}, "otlp", None),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": AT}, None, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp", None),
        ({"OTEL_TRACES_EXPORTER": "Console"}, "console", None),
        ({ENDPOINT: AT, "OTEL_METRICS_EXPORTER": "none"}, "otlp", None),
        ({ENDPOINT: AT, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "console"}, None, "console"),
        ({ENDPOINT: AT, "OTEL_SDK_DISABLED": "true"}, None, None),
        ({ENDPOINT: AT, "OTEL_SDK_DISABLED": "false"}, "otlp", "otlp"),
        ({ENDPOINT: AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "otlp", "otlp"),
    ],
)
def test_the_standard_variables_choose_what_is_exported(
    environment: dict[str, str], traces: str | None, metrics: str | None
) -> None:
    assert (exporter_of("TRACES", environment), exporter_of("METRICS", environment)) == (traces, metrics)


@pytest.mark.parametrize(
    ("environment", "event"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "telemetry.exporter_unknown"),
        ({ENDPOINT: AT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "telemetry.protocol_unknown"),
        ({ENDPOINT: AT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "telemetry.protocol_unknown"),
    ],
)
def test_what_we_do_not_have_is_left_out_and_said_so(environment: dict[str, str], event: str) -> None:
    with capture_logs() as logs:
        chosen = exporter_of("TRACES", environment)

    assert chosen is None
    assert [entry["event"] for entry in logs] == [event]


def test_without_those_variables_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENDPOINT, "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
        monkeypatch.delenv(name, raising=False)

    with telemetry("tests"):
        provider = trace.get_tracer_provider()

    assert isinstance(provider, trace.ProxyTracerProvider)
