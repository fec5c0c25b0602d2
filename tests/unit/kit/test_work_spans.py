"""The spans of events and tasks: what they tell, what they follow from, and when they end."""

import asyncio
from datetime import UTC
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.bus import Event
from graftwork.kit.bus import decode
from graftwork.kit.bus import encode
from graftwork.kit.errors import Overloaded
from graftwork.kit.spans import Spans
from graftwork.kit.tasks import DONE
from graftwork.kit.tasks import FAILED
from graftwork.kit.tasks import Lease
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.work_spans import Processing
from graftwork.kit.work_spans import Sending
from graftwork.kit.work_spans import tell_outcome
from graftwork.kit.work_spans import tell_trouble
from graftwork.kit.work_spans import trying
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of
from tests.support.workers import blob

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CARRIER = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
REQUEST = SeedsRequested(job_id="j", request_id="r", spec=blob("spec"), deadline=NOW)
RECORD: Any = SimpleNamespace(topic="graftwork.seeds.requested.v1", partition=2, offset=7)
GROUP = "graftwork.optimizer"


def an_event(traceparent: str | None = TRACE, number: int = 0) -> Event[SeedsRequested]:
    return Event(REQUEST, f"e{number}", "/graftwork/search", "graftwork.seeds.requested.v1", NOW, traceparent)


def processing(recorded: Recorded, *, tells_failures: bool = True) -> Processing:
    return Processing(recorded.here, GROUP, tells_failures=tells_failures)


def test_processing_an_event_is_a_child_of_what_carried_it_and_tells_which_event_it_was() -> None:
    recorded = Recorded()

    with processing(recorded) as events, events.of(an_event(), RECORD):
        inside = inherited_traceparent()

    assert (recorded.span.name, recorded.span.kind) == ("process seeds.requested", SpanKind.CONSUMER)
    assert parent_of(recorded.span) == TRACE
    assert inside == traceparent_of(recorded.span)
    assert attributes(recorded.span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "graftwork.seeds.requested.v1",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 7,
        "messaging.kafka.message.key": "j",
        "messaging.consumer.group.name": GROUP,
        "messaging.message.id": "e0",
        "cloudevents.event_id": "e0",
        "cloudevents.event_source": "/graftwork/search",
        "cloudevents.event_type": "graftwork.seeds.requested.v1",
        "graftwork.job_id": "j",
        "graftwork.event_id": "e0",
        "graftwork.request_id": "r",
    }


def test_the_node_of_an_event_is_told() -> None:
    recorded = Recorded()
    known = {"job_id": "j", "evaluation_id": "e", "node_id": "n", "metrics": blob("m")}
    told = MetricsRegenerated.model_validate({**known, "names": (), "overlaps": (), "chosen": 0})
    event = Event(told, "e", "/graftwork/evaluator", "t", NOW, None)

    with processing(recorded) as events, events.of(event, RECORD):
        pass

    assert attributes(recorded.span)["graftwork.node_id"] == "n"
    assert parent_of(recorded.span) is None


def test_events_of_one_transaction_end_with_it() -> None:
    recorded = Recorded()

    with processing(recorded) as events:
        for number in range(3):
            with events.of(an_event(number=number), RECORD):
                pass
        ended_before = len(recorded.spans)

    assert (ended_before, len(recorded.spans)) == (0, 3)


def test_a_transaction_that_runs_again_leaves_the_spans_of_its_last_run_alone() -> None:
    recorded = Recorded()

    with processing(recorded) as events:
        for numbers in ((0, 1), (1,)):  # another process has admitted the first one meanwhile
            events.begin()
            for number in numbers:
                with events.of(an_event(number=number), RECORD):
                    pass

    assert [attributes(span)["graftwork.event_id"] for span in recorded.spans] == ["e1"]


@pytest.mark.parametrize(("tells", "told"), [(True, ["overloaded"]), (False, [])])
def test_a_failure_is_told_by_whoever_was_alone(tells: bool, told: list[str]) -> None:  # noqa: FBT001 - a row of the table
    recorded = Recorded()

    with (
        pytest.raises(Overloaded),
        processing(recorded, tells_failures=tells) as events,
        events.of(an_event(), RECORD),
    ):
        raise Overloaded("the secret of the error")

    assert [attributes(span)["error.type"] for span in recorded.spans] == told
    assert "secret" not in recorded.everything


def test_who_exports_nothing_hands_the_trace_on() -> None:
    with Processing(Spans(), GROUP, tells_failures=True) as events, events.of(an_event(), RECORD):
        assert inherited_traceparent() == TRACE


def a_row(traceparent: str | None = TRACE) -> dict[str, Any]:
    record = encode(REQUEST, namespace="graftwork", source="/graftwork/search", time=NOW, traceparent=traceparent)
    return {"_id": "e", "event": "seeds.requested", "key": b"j", "topic": record.topic, "headers": dict(record.headers)}


async def test_sending_an_event_is_a_child_of_what_wrote_it_and_lasts_until_it_is_acknowledged() -> None:
    recorded, acknowledgement = Recorded(), asyncio.get_running_loop().create_future()

    with Sending(recorded.here, a_row()) as sending:
        sending.until(acknowledgement)
    ended_before = len(recorded.spans)
    acknowledgement.set_result(SimpleNamespace(partition=2, offset=7))
    await asyncio.sleep(0)

    assert ended_before == 0
    assert (recorded.span.name, recorded.span.kind) == ("send seeds.requested", SpanKind.PRODUCER)
    assert parent_of(recorded.span) == TRACE
    assert attributes(recorded.span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "graftwork.seeds.requested.v1",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 7,
        "messaging.kafka.message.key": "j",
        "messaging.message.id": "e",
        "graftwork.job_id": "j",
        "graftwork.event_id": "e",
    }


async def test_a_record_is_carried_by_its_sending_and_still_says_what_wrote_it() -> None:
    recorded = Recorded()

    with Sending(recorded.here, a_row()) as sending:
        headers = sending.headers
    sending.failed(Overloaded("over"))

    received = decode(headers, b"j", REQUEST.model_dump_json().encode())
    assert received.traceparent == traceparent_of(recorded.span)
    assert dict(headers)["ce_traceparent"] == TRACE.encode()


def test_headers_are_the_row_s_where_nobody_exports() -> None:
    row = a_row()

    assert Sending(Spans(), row).headers == [*row["headers"].items()]


def test_an_event_that_no_trace_wrote_says_none() -> None:
    assert "ce_traceparent" not in a_row(traceparent=None)["headers"]
    assert decode(a_row(None)["headers"].items(), b"j", REQUEST.model_dump_json().encode()).traceparent is None


@pytest.mark.parametrize(
    ("header", "found"), [(CARRIER.encode(), CARRIER), (b"no", TRACE), (b"", TRACE), (None, TRACE)]
)
def test_the_carrier_s_word_counts_before_the_envelope_s(header: bytes | None, found: str) -> None:
    headers = [*a_row()["headers"].items(), ("traceparent", header)]

    assert decode(headers, b"j", REQUEST.model_dump_json().encode()).traceparent == found


async def test_a_sending_that_fails_tells_why() -> None:
    recorded, acknowledgement = Recorded(), asyncio.get_running_loop().create_future()

    with Sending(recorded.here, a_row()) as sending:
        sending.until(acknowledgement)
    acknowledgement.set_exception(KafkaTimeoutError("the secret of the error"))
    await asyncio.sleep(0)

    assert attributes(recorded.span)["error.type"] == "KafkaTimeoutError"
    assert "secret" not in recorded.everything
    assert acknowledgement.exception() is not None


async def test_a_sending_that_is_given_up_has_failed() -> None:
    recorded, acknowledgement = Recorded(), asyncio.get_running_loop().create_future()

    with Sending(recorded.here, a_row()) as sending:
        sending.until(acknowledgement)
    acknowledgement.cancel()
    await asyncio.sleep(0)

    assert attributes(recorded.span)["error.type"] == "cancelled"


def a_lease(**more: Any) -> Lease:
    row = {
        "_id": "t",
        "kind": "propose_seeds",
        "job_id": "j",
        "request_id": "r",
        "attempts": 2,
        "payload": {"node_id": "n", "secret": "the secret of the payload"},
        "traceparent": TRACE,
        **more,
    }
    return Lease(row, "token", fence=5)


def test_an_attempt_at_a_task_is_a_child_of_what_enqueued_it_and_tells_how_it_ended() -> None:
    recorded = Recorded()

    with trying(recorded.here, a_lease()):
        inside = inherited_traceparent()
        tell_outcome(DONE)

    assert (recorded.span.name, recorded.span.kind) == ("task propose_seeds", SpanKind.CONSUMER)
    assert parent_of(recorded.span) == TRACE
    assert inside == traceparent_of(recorded.span)
    assert attributes(recorded.span) == {
        "graftwork.job_id": "j",
        "graftwork.node_id": "n",
        "graftwork.request_id": "r",
        "graftwork.task_id": "t",
        "graftwork.task.kind": "propose_seeds",
        "graftwork.task.attempt": 2,
        "graftwork.task.fence": 5,
        "graftwork.task.outcome": "done",
    }


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (FAILED, StatusCode.ERROR),
        ("retried", StatusCode.ERROR),
        ("lease_lost", StatusCode.ERROR),
        ("cancelled", StatusCode.UNSET),
        ("released", StatusCode.UNSET),
    ],
)
def test_an_attempt_tells_its_trouble_and_whether_that_is_a_failure(outcome: str, status: StatusCode) -> None:
    recorded = Recorded()

    with trying(recorded.here, a_lease()):
        tell_trouble(Overloaded("the secret of the error"))
        tell_outcome(outcome)

    assert attributes(recorded.span)["error.type"] == "overloaded"
    assert recorded.span.status.status_code is status
    assert "secret" not in recorded.everything


def test_a_task_that_nobody_traced_begins_a_trace() -> None:
    recorded = Recorded()

    with trying(recorded.here, a_lease(traceparent=None)):
        tell_outcome(DONE)

    assert parent_of(recorded.span) is None
