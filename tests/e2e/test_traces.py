"""A whole job leaves one trace, from the door through Kafka, search, workers and pods to the endpoint and back."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from tests.support.collectors import running_collector
from tests.support.command import Up
from tests.support.platforms import watched
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Script
from tests.support.telemetry_table import EDGES
from tests.support.telemetry_table import KINDS
from tests.support.telemetry_table import SPANS
from tests.support.traces import Exported
from tests.support.traces import Trace
from tests.support.traces import traces_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

TASK = "explanations of fractions for struggling third-graders, a secret of the task"
SPEC: dict[str, Any] = {
    "name": "fractions",
    "task": TASK,
    "count": 6,
    "search": {"iterations": 2, "evaluation_samples": 3, "patience": 20, "finalists": 2},
}


@asynccontextmanager
async def traced_platform(
    home: Path, kafka: str, mongo: str, **more: str
) -> AsyncIterator[tuple[AsyncGraftwork, list[Exported]]]:
    """A platform whose services export; the spans are there when it has stopped."""
    spans: list[Exported] = []
    with ScriptedModel.running() as model:
        await model.replace(Script(seed=7))
        async with running_collector() as collector:
            given = {
                "GRAFTWORK_KAFKA": kafka,
                "GRAFTWORK_MONGO": mongo,
                "GRAFTWORK_NAMESPACE": f"traces{home.name[-8:].replace('-', '')}",
                "OPENAI_BASE_URL": model.base_url,
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_METRICS_EXPORTER": "none",
                **more,
            }
            async with Up.started(home, **given) as up, AsyncGraftwork(up.url, up.key) as client:
                yield client, spans
            spans += collector.exported


async def finished(client: AsyncGraftwork) -> str:
    """Id of a job that came to a good end."""
    job = await client.submit(JobSpec.model_validate(SPEC))
    end = (await watched(client, job.id))[-1].snapshot
    assert end.state is JobState.SUCCEEDED
    return job.id


async def test_a_job_is_one_trace_and_every_step_follows_from_the_one_before(
    kafka_address: str, mongo_address: str, tmp_path: Path
) -> None:
    async with traced_platform(tmp_path, kafka_address, mongo_address) as (client, spans):
        job = await finished(client)

    trace = the_trace(spans, "POST /v1/jobs")
    assert [root.name for root in trace.roots] == ["POST /v1/jobs"]
    assert trace.orphans == []
    assert {edge for edge in EDGES if edge not in trace.edges} == set()
    assert not SPANS - {span.step for span in trace.spans}
    assert {span.kind for span in trace.spans if span.name.startswith("POST")} == {"SERVER", "CLIENT"}
    for word, kind in KINDS.items():
        assert {span.kind for span in trace.spans if span.name.split()[0] == word} == {kind}

    belonging = [span for span in trace.spans if span.name.split()[0] in {"send", "process", "task"}]
    assert {span.attributes["graftwork.job_id"] for span in belonging} == {job}
    assert trace.roots[0].attributes["graftwork.job_id"] == job
    assert_each_event_was_processed_once(trace)
    assert_answers_that_were_waited_for_are_linked(trace)
    assert "secret" not in "".join(str(span) for span in spans)


async def test_whoever_samples_none_sends_none(kafka_address: str, mongo_address: str, tmp_path: Path) -> None:
    async with traced_platform(
        tmp_path, kafka_address, mongo_address, OTEL_TRACES_SAMPLER="parentbased_always_off"
    ) as (client, spans):
        await finished(client)

    assert spans == []


def the_trace(spans: list[Exported], begun_by: str) -> Trace:
    [found] = [trace for trace in traces_of(spans).values() if begun_by in [root.name for root in trace.roots]]
    return found


def assert_each_event_was_processed_once(trace: Trace) -> None:
    """By each service that hears it, however often it was sent."""
    processed = [span for span in trace.spans if span.name.startswith("process ")]
    times = Counter((span.service, span.attributes["graftwork.event_id"]) for span in processed)
    assert set(times.values()) == {1}


def assert_answers_that_were_waited_for_are_linked(trace: Trace) -> None:
    """Both halves of every node's reward, and the finalists."""
    scored = [
        span
        for span in trace.named("process scores.ready")
        if {child.name for child in trace.children(span)} & {"send workflow.requested", "send samples.requested"}
    ]
    assert scored
    for span in scored:
        assert {each.step for each in trace.linked(span)} >= {("search", "process scores.ready")}
