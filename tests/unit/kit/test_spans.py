"""Spans of any kind: whose children they are, what they tell of errors, and what they cost where nobody looks."""

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.kit.errors import Overloaded
from graftwork.kit.spans import Spans
from graftwork.kit.spans import at_hand
from graftwork.kit.spans import fail
from graftwork.kit.spans import tell
from graftwork.kit.tracing import current_traceparent
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import link
from graftwork.kit.tracing import traced
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = TRACE[:-2] + "00"
WORK = ("work", SpanKind.INTERNAL, {"known": 1, "unknown": None})


def test_a_span_belongs_to_the_trace_at_hand_and_what_is_done_inside_to_the_span() -> None:
    recorded = Recorded()

    with traced(TRACE), recorded.here.span(*WORK):
        inside = current_traceparent()

    assert parent_of(recorded.span) == TRACE
    assert inside == traceparent_of(recorded.span)
    assert attributes(recorded.span) == {"known": 1}


def test_a_span_outside_of_any_trace_begins_one() -> None:
    recorded = Recorded()

    with recorded.here.span(*WORK):
        pass

    assert parent_of(recorded.span) is None


@pytest.mark.parametrize(("parent", "seen"), [(TRACE, 1), (UNSAMPLED, 0)])
def test_whoever_began_a_trace_decides_whether_it_is_recorded(parent: str, seen: int) -> None:
    recorded = Recorded(ParentBased(ALWAYS_ON))

    with traced(parent), recorded.here.span(*WORK):
        flags = str(inherited_traceparent())[-2:]

    assert len(recorded.spans) == seen
    assert flags == parent[-2:]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Overloaded("the secret of the error"), "overloaded"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError("the secret of the error"), "ZeroDivisionError"),
    ],
)
def test_an_error_is_told_by_its_kind_and_not_by_its_words(error: BaseException, kind: str) -> None:
    recorded = Recorded()

    with pytest.raises(type(error)), recorded.here.span(*WORK):
        raise error

    assert attributes(recorded.span)["error.type"] == kind
    assert recorded.span.status.status_code is StatusCode.ERROR
    assert "secret" not in recorded.everything


def test_what_was_said_of_a_failure_before_is_not_said_again_by_its_exception() -> None:
    recorded = Recorded()

    def unavailable(span: trace.Span) -> None:
        fail(span, "UNAVAILABLE")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), recorded.here.span(*WORK) as span:
        unavailable(span)

    assert attributes(recorded.span)["error.type"] == "UNAVAILABLE"


def test_where_nobody_exports_there_is_no_span_and_the_trace_stays_what_it_was() -> None:
    with traced(TRACE), Spans().span(*WORK) as span:
        inside = inherited_traceparent()
        tell(job_id="j")
        link([OTHER])

    assert span is trace.INVALID_SPAN
    assert inside == TRACE


def test_ids_and_links_go_to_the_span_at_hand() -> None:
    recorded = Recorded()

    with recorded.here.span(*WORK):
        tell(job_id="j", node_id=None)
        link([OTHER, None, "not a trace"])

    assert attributes(recorded.span) == {"known": 1, "graftwork.job_id": "j"}
    assert [f"{one.context.span_id:016x}" for one in recorded.span.links] == [OTHER.split("-")[2]]


def test_a_span_that_is_at_hand_lasts_longer_than_the_block() -> None:
    recorded = Recorded()
    span = recorded.here.start(*WORK, parent=TRACE)

    with at_hand(span):
        inside = inherited_traceparent()

    assert recorded.spans == ()
    span.end()
    assert inside == traceparent_of(recorded.span)


def test_a_span_without_a_parent_by_name_ignores_what_is_at_hand() -> None:
    recorded = Recorded()

    with traced(TRACE):
        recorded.here.start(*WORK, parent="").end()

    assert parent_of(recorded.span) is None
