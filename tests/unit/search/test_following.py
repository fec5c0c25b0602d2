"""Links: to the trace in which a job began, and to the answers that were waited for."""

from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import traced
from graftwork_search.documents import REQUESTS
from graftwork_search.documents import JobDocument
from graftwork_search.documents import Stage
from graftwork_search.following import link_answers
from graftwork_search.following import link_job
from tests.support.spans import Recorded
from tests.support.workers import blob

BEGUN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LATER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ANSWER = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01"
JOB = JobDocument(
    id="j", tenant="t", spec_ref=blob("spec"), submitted_at=datetime(2026, 1, 2, tzinfo=UTC), traceparent=BEGUN
)


class Rows:
    """A transaction that finds these, and keeps what it was asked."""

    def __init__(self, *answered_by: str | None) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self._answered_by = answered_by

    async def find(self, collection: str, query: Mapping[str, Any], projection: Any = None) -> list[dict[str, Any]]:
        self.asked.append((collection, query))
        return [{"_id": "r", **dict.fromkeys(projection, trace)} for trace in self._answered_by]


def a_session(rows: Rows) -> Any:
    return SimpleNamespace(job=JOB, tx=rows)


def linked(span: ReadableSpan) -> list[str]:
    return [f"{one.context.span_id:016x}" for one in span.links]


def span_id_of(traceparent: str) -> str:
    return traceparent.split("-")[2]


def test_what_is_asked_of_a_job_later_is_linked_to_the_trace_in_which_it_began() -> None:
    recorded = Recorded()

    with traced(LATER), recorded.here.span("process", SpanKind.CONSUMER, {}):
        link_job(JOB)

    assert linked(recorded.span) == [span_id_of(BEGUN)]


def test_what_belongs_to_that_trace_anyway_is_not() -> None:
    recorded = Recorded()

    with traced(ANSWER), recorded.here.span("process", SpanKind.CONSUMER, {}):
        link_job(JOB)

    assert linked(recorded.span) == []


async def test_the_last_of_several_answers_links_the_others() -> None:
    recorded, own = Recorded(), None

    with traced(BEGUN), recorded.here.span("process", SpanKind.CONSUMER, {}):
        own = inherited_traceparent()
        rows = Rows(ANSWER, None, own)
        await link_answers(a_session(rows), Stage.SCORE_SAMPLE, Stage.SCORE_WORKFLOW, node_id="n")

    closed = {"job_id": "j", "stage": {"$in": ["score_sample", "score_workflow"]}, "open": False, "node_id": "n"}
    assert rows.asked == [(REQUESTS, closed)]
    assert linked(recorded.span) == [span_id_of(ANSWER)]


async def test_where_nobody_looks_nothing_is_looked_up() -> None:
    rows = Rows(ANSWER)

    with traced(BEGUN):
        await link_answers(a_session(rows), Stage.SCORE_SAMPLE)

    assert rows.asked == []
