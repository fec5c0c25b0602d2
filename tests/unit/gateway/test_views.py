from typing import Any

from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork_gateway.documents import JobRow
from graftwork_gateway.views import job_view
from tests.support.doors import SPEC
from tests.support.search_told import BLOB
from tests.support.search_told import NOON
from tests.support.search_told import snapshot


def row(**more: Any) -> JobRow:
    asked = {**SPEC, "id": "job-1", "tenant": "t", "spec": BLOB, "created_at": NOON, "strategy": "autosynth"}
    return JobRow.model_validate({**asked, **more})


def test_a_job_nobody_told_of_is_queued() -> None:
    view = job_view(row())

    assert (view.state, view.phase, view.snapshot) == (JobState.QUEUED, JobPhase.QUEUED, None)
    assert view.updated_at == view.created_at == NOON
    assert set(view.links) == {"self", "events", "tree", "cancel"}


def test_a_job_says_in_short_what_its_snapshot_says() -> None:
    told = snapshot("job-1", 3, JobState.FAILED, reason="budget_exhausted", dataset_id="d")
    view = job_view(row(snapshot=told, version=3))

    assert view.snapshot == told
    assert (view.state, view.phase, view.reason, view.dataset_id) == (
        JobState.FAILED,
        JobPhase.ENDED,
        "budget_exhausted",
        "d",
    )


def test_the_dataset_is_linked_once_it_can_be_opened() -> None:
    told = snapshot("job-1", 3, dataset_id="d")

    assert "dataset" not in job_view(row(snapshot=told)).links
    assert job_view(row(snapshot=told, datasets=("d",))).links["dataset"] == "/v1/datasets/d"


def test_a_deleted_dataset_is_named_no_more() -> None:
    told = snapshot("job-1", 3, dataset_id="second")
    alone, one_left = row(snapshot=told, deleted_datasets=("second",)), {"datasets": ("first",)}

    assert job_view(alone).dataset_id is None
    assert job_view(alone.model_copy(update=one_left)).dataset_id == "first"


def test_a_job_that_is_about_to_go_on_waits_for_its_turn() -> None:
    told = snapshot("job-1", 3, JobState.SUCCEEDED, reason="completed")
    ended, going_on = row(snapshot=told, version=3), row(snapshot=told, version=3, run_wanted=1)

    assert (ended.ended, going_on.ended) == (True, False)
    assert (job_view(going_on).state, job_view(going_on).reason) == (JobState.QUEUED, None)
    assert job_view(going_on).snapshot == told


def test_a_job_that_went_on_ends_with_its_last_run_only() -> None:
    second_end = snapshot("job-1", 9, JobState.SUCCEEDED, run=1)
    between = row(snapshot=snapshot("job-1", 5, run=1), version=5, finished_version=3, run_wanted=1)
    over = row(snapshot=second_end, version=9, finished_version=9, run_wanted=1)

    assert (between.ended, between.all_told) == (False, False)
    assert (over.ended, over.all_told) == (True, True)


def test_the_clients_half_of_a_row_leaves_out_what_search_tells() -> None:
    told = row(snapshot=snapshot("job-1", 3), version=3, events=3, finished_version=3)

    assert not {"snapshot", "version", "events", "finished_version"} & set(told.submission())
    assert JobRow.of({"_id": "job-1", **told.submission()}) == row()
