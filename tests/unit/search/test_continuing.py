"""Which ended jobs go on, where they go on, and what more rows may cost."""

from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import Continuation
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork_search.continuing import Step
from graftwork_search.continuing import next_step
from graftwork_search.continuing import refusal
from graftwork_search.documents import JobDocument
from graftwork_search.documents import NodeDocument

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=1)
WON: Mapping[str, Any] = {"state": JobState.SUCCEEDED, "winner": "n"}


def a_spec(**more: Any) -> JobSpec:
    return JobSpec.model_validate({"task": "explanations of fractions", "count": 12, **more})


def a_job(**more: Any) -> JobDocument:
    return JobDocument(id="job-1", tenant="t", spec_ref=BLOB, submitted_at=NOON, **{"spec": a_spec(), **more})


def a_node(state: NodeState) -> NodeDocument:
    return NodeDocument(id="n", job_id="job-1", round=0, state=state)


def extend(rows: int) -> JobContinuationRequested:
    return JobContinuationRequested(job_id="job-1", request_id="r", kind=Continuation.EXTEND, rows=rows)


RETRY = JobContinuationRequested(job_id="job-1", request_id="r", kind=Continuation.RETRY)


@pytest.mark.parametrize(
    ("job", "request_"),
    [
        (a_job(**WON), extend(1)),
        (a_job(**WON), extend(1_000_000 - 12)),
        (a_job(state=JobState.FAILED, winner="n"), extend(5)),
        (a_job(state=JobState.CANCELLED, winner="n"), extend(5)),
        (a_job(state=JobState.FAILED), RETRY),
        (a_job(state=JobState.CANCELLED, winner="n"), RETRY),
        (a_job(state=JobState.CANCELLED, spec=None), RETRY),
    ],
)
def test_a_job_that_ended_may_go_on(job: JobDocument, request_: JobContinuationRequested) -> None:
    assert refusal(job, request_) is None


@pytest.mark.parametrize(
    ("job", "request_", "reason"),
    [
        (a_job(**WON, continuations=["r"]), extend(5), "this was asked before"),
        (a_job(state=JobState.RUNNING, winner="n"), extend(5), "the job has not ended"),
        (a_job(state=JobState.WAITING_FOR_REVIEW), RETRY, "the job has not ended"),
        (a_job(state=JobState.QUEUED, spec=None), RETRY, "the job has not ended"),
        (a_job(**WON, preview=True), extend(5), "a preview is over"),
        (a_job(**WON), RETRY, "the job succeeded"),
        (a_job(state=JobState.FAILED), extend(5), "no workflow has won yet"),
        (a_job(**WON), extend(0), "0 more rows are too few or too many"),
        (a_job(**WON, more_rows=8), extend(1_000_000 - 19), "999981 more rows are too few or too many"),
    ],
)
def test_others_are_refused_with_the_reason(job: JobDocument, request_: JobContinuationRequested, reason: str) -> None:
    assert refusal(job, request_) == reason


@pytest.mark.parametrize(
    ("job", "root", "step"),
    [
        (a_job(spec=None), None, Step.OPENING),
        (a_job(), None, Step.SEEDS),
        (a_job(space=BLOB), None, Step.ROOT),
        (a_job(space=BLOB), a_node(NodeState.CRASHED), Step.ROOT),
        (a_job(space=BLOB), a_node(NodeState.FAILED), Step.ROOT),
        (a_job(space=BLOB), a_node(NodeState.SCORED), Step.SEARCH),
        (a_job(space=BLOB, winner="n"), a_node(NodeState.SCORED), Step.PRODUCTION),
    ],
)
def test_a_job_goes_on_with_what_it_lacks_first(job: JobDocument, root: NodeDocument | None, step: Step) -> None:
    assert next_step(job, root) is step


def test_candidates_grow_with_the_rows_at_the_rate_of_the_spec() -> None:
    given_budget = a_job(spec=a_spec(budget={"candidates": 30}), more_rows=6)

    assert (a_job().wanted, a_job().candidate_budget) == (12, 48)
    assert (a_job(more_rows=3).wanted, a_job(more_rows=3).candidate_budget) == (15, 60)
    assert (given_budget.wanted, given_budget.candidate_budget) == (18, 45)


@given(count=st.integers(1, 10_000), per_row=st.integers(0, 10_000), more=st.integers(0, 10_000))
def test_an_extension_never_leaves_a_row_without_a_candidate(count: int, per_row: int, more: int) -> None:
    spec = a_spec(count=count, budget={"candidates": count + per_row})
    job = a_job(spec=spec, more_rows=more)

    assert job.candidate_budget >= max(job.wanted, spec.candidate_budget)
