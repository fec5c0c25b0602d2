"""A pod as a process, told by the standard variables where its telemetry goes."""

import signal

from tests.integration.solvers.test_pod import asking
from tests.integration.solvers.test_process import ended
from tests.integration.solvers.test_process import pod_process
from tests.support.collectors import Collector
from tests.support.collectors import running_collector
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_at

KEY = "sk-very-secret-0123456789"
# As they end, so that the whole call comes last.
OF_A_CALL = ("POST /chat/completions", "chat tiny", "graftwork.v1.Solvers/Generate")


async def exported(**environment: str) -> tuple[Collector, int]:
    """What a collector hears of one call to a pod that is ended afterwards, and how that pod ends."""
    async with running_collector() as collector, running_endpoint() as endpoint:
        told = {name: value.replace("COLLECTOR", collector.url) for name, value in environment.items()}
        async with pod_process(OPENAI_BASE_URL=endpoint.url, OPENAI_API_KEY=KEY, **told) as (process, port):
            async with client_at(f"127.0.0.1:{port}", unavailable_attempts=99) as client:
                await client.generate(asking("a secret prompt"), timeout_seconds=30)
            process.send_signal(signal.SIGTERM)
            status, _ = await ended(process)
        return collector, status


async def test_spans_and_metrics_of_a_call_reach_the_collector_before_the_pod_ends() -> None:
    collector, status = await exported(OTEL_EXPORTER_OTLP_ENDPOINT="COLLECTOR")

    assert status == 0
    assert collector.spans == [("graftwork-solvers", name) for name in OF_A_CALL]
    assert collector.metrics == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"}
    everything = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert b"secret" not in everything


async def test_the_environment_names_the_service_and_chooses_what_is_sent() -> None:
    collector, _ = await exported(
        OTEL_EXPORTER_OTLP_ENDPOINT="COLLECTOR", OTEL_SERVICE_NAME="ours", OTEL_METRICS_EXPORTER="none"
    )

    assert collector.spans == [("ours", name) for name in OF_A_CALL]
    assert collector.metrics == set()


async def test_metrics_may_go_alone() -> None:
    collector, _ = await exported(OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="COLLECTOR/v1/metrics")

    assert collector.spans == []
    assert "gen_ai.client.token.usage" in collector.metrics


async def test_a_collector_that_is_away_harms_no_call() -> None:
    _, status = await exported(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT="1")

    assert status == 0
