"""Every event: its name, its identity, and its way through Kafka and back."""

from datetime import UTC
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.usage import Usage
from graftwork.kit.bus import decode
from graftwork.kit.bus import encode
from graftwork.kit.errors import MalformedEvent

NAMES = {
    "job.submitted",
    "job.cancellation_requested",
    "job.stopping",
    "job.finished",
    "search.advanced",
    "seeds.requested",
    "seeds.proposed",
    "workflow.requested",
    "workflow.proposed",
    "samples.requested",
    "samples.generated",
    "scores.requested",
    "metrics.regenerated",
    "scores.ready",
    "acceptance.requested",
    "samples.accepted",
    "dataset.requested",
    "dataset.published",
    "work.failed",
}
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def test_the_events_are_those_of_the_contract() -> None:
    assert set(EventData.registry) >= NAMES
    assert EventData.registry["samples.requested"] is SamplesRequested


@given(st.text(min_size=1, max_size=20), st.text(max_size=200))
def test_an_event_survives_the_wire(job_id: str, reason: str) -> None:
    data = JobCancellationRequested(job_id=job_id, reason=reason)
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    record = encode(data, namespace="n", source="/x", time=now, traceparent=TRACE)

    event = decode(record.headers.items(), record.key, record.value)

    assert event.data == data
    assert (event.source, event.time, event.traceparent) == ("/x", now, TRACE)
    assert record.topic == "n.job.cancellation_requested.v1"
    assert record.key == job_id.encode()


def test_unknown_fields_of_a_newer_release_are_ignored() -> None:
    data = JobCancellationRequested.model_validate({"job_id": "j", "reason": "r", "colour": "red"})

    assert data == JobCancellationRequested(job_id="j", reason="r")


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(["ce_id", "ce_type", "ce_source"]), st.binary()))
def test_no_bytes_can_do_more_than_be_refused(value: bytes, headers: dict[str, bytes]) -> None:
    with pytest.raises(MalformedEvent):
        decode(headers.items(), None, value)


usages = st.builds(
    Usage,
    calls=st.integers(0, 99),
    prompt_tokens=st.integers(0, 99),
    completion_tokens=st.integers(0, 99),
    cost_usd=st.none() | st.integers(0, 99).map(float),
)


@given(st.lists(usages))
def test_a_total_equals_its_parts_and_an_unknown_price_stays_unknown(parts: list[Usage]) -> None:
    total = Usage.total(parts)

    assert total.calls == sum(part.calls for part in parts)
    assert total.tokens == sum(part.tokens for part in parts)
    assert (total.cost_usd is None) == any(part.cost_usd is None for part in parts)
    if total.cost_usd is not None:
        assert total.cost_usd == sum(part.cost_usd or 0.0 for part in parts)
