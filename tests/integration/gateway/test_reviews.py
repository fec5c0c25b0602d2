"""A person looks at the first workflow, over HTTP: asked once, answered once, and never after the job's end."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from graftwork.contracts.events import Decision
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import OpenReview
from graftwork.contracts.workflows import Workflow
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import NOON
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import opened
from tests.support.search_told import review_requested

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKFLOW = Workflow(prompts={"draft": "Explain {topic}."}, code="async def workflow(ctx, seed):\n    return {}\n")
APPROVE = {"decision": "approve"}
REVISE = {"decision": "revise", "feedback": "Say what a third is, too."}


async def asked(gateway: Gateway, number: int = 1, **more: Any) -> tuple[JobView, str]:
    """A job that waits for a review, and the review's path."""
    job = await gateway.submit(review="human")
    review = opened(job.id, number, **more)
    await gateway.send(await review_requested(gateway.door.blobs, review, WORKFLOW))
    await gateway.send(advanced(job.id, 1, review=review.model_dump()))
    path = f"/v1/jobs/{job.id}/reviews/{review.review_id}"
    await until(gateway, path, ReviewState.OPEN)
    await gateway.admitted(job.id, 1)
    return job, path


async def until(gateway: Gateway, path: str, state: ReviewState) -> ReviewView:
    async def there() -> ReviewView:
        answer = await gateway.http.get(path)
        assert answer.status_code == 200
        view = ReviewView.model_validate_json(answer.content)
        assert view.state is state
        return view

    return await assert_eventually(there, timeout_seconds=20)


def code_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:graftwork:problem:")


async def test_a_review_shows_the_workflow_and_its_samples(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    view = await until(gateway, path, ReviewState.OPEN)

    assert view.workflow == WORKFLOW
    assert [row.seed_index for row in view.samples] == [0, 1, 2, 3, 4]
    assert (view.job_id, view.job_name, view.task) == (job.id, job.name, job.task)
    assert (view.round, view.rounds, view.samples_ok, view.expires_at) == (1, 3, 5, None)
    assert view.links == {"self": path, "job": f"/v1/jobs/{job.id}"}


async def test_an_approval_is_told_to_search(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    answer = await gateway.http.post(path, json=APPROVE)
    [told] = await gateway.heard(ReviewSubmitted, job.id)

    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    assert (told.decision, told.feedback) == (Decision.APPROVE, None)
    assert path.endswith(told.review_id)


async def test_feedback_is_told_to_search_and_shown(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    await gateway.http.post(path, json=REVISE)
    [told] = await gateway.heard(ReviewSubmitted, job.id)
    view = await until(gateway, path, ReviewState.REVISED)

    assert (told.decision, told.feedback) == (Decision.REVISE, REVISE["feedback"])
    assert view.feedback == REVISE["feedback"]
    assert view.answered_at is not None


async def test_the_same_answer_twice_is_told_once_and_answered_alike(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    answers = [await gateway.http.post(path, json=REVISE) for _ in range(3)]
    other, elsewhere = await asked(gateway)
    await gateway.http.post(elsewhere, json=APPROVE)
    await gateway.heard(ReviewSubmitted, other.id)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(await gateway.heard(ReviewSubmitted, job.id)) == 1


async def test_another_answer_is_refused(gateway: Gateway) -> None:
    _, path = await asked(gateway)
    await gateway.http.post(path, json=REVISE)
    answers = [
        await gateway.http.post(path, json=body) for body in (APPROVE, {**REVISE, "feedback": "Something else."})
    ]

    assert {(answer.status_code, code_of(answer)) for answer in answers} == {(409, "review_answered")}


async def test_two_answers_at_once_have_one_winner(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    answers = await asyncio.gather(*(gateway.http.post(path, json=body) for body in (APPROVE, REVISE) for _ in "ab"))
    [told] = await gateway.heard(ReviewSubmitted, job.id)
    won = [answer for answer in answers if answer.status_code == 200]

    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    assert {answer.json()["feedback"] for answer in won} == {told.feedback}


async def test_a_review_cannot_be_answered_once_its_job_is_being_cancelled(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    await gateway.http.post(job.links["cancel"])
    answer = await gateway.http.post(path, json=APPROVE)

    assert (answer.status_code, code_of(answer)) == (409, "review_closed")
    assert not [told for told in gateway.bus.all(ReviewSubmitted) if told.job_id == job.id]


async def test_a_review_whose_job_ended_is_withdrawn(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    later = NOON + timedelta(minutes=1)
    await gateway.send(finished(job.id, 2, JobState.CANCELLED, updated_at=later))
    await until(gateway, path, ReviewState.WITHDRAWN)
    answer = await gateway.http.post(path, json=APPROVE)

    assert (answer.status_code, code_of(answer)) == (409, "review_closed")


async def test_a_review_whose_time_ran_out_is_expired(gateway: Gateway) -> None:
    expires = NOON + timedelta(hours=1)
    job, path = await asked(gateway, expires_at=expires)
    before = await gateway.http.post(path, json=APPROVE)
    await gateway.send(advanced(job.id, 2, updated_at=expires + timedelta(seconds=1)))
    await until(gateway, path, ReviewState.EXPIRED)

    assert (before.status_code, code_of(before)) == (409, "review_closed")  # NOON is long over, told or not


async def test_an_answered_review_stays_answered(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    await gateway.http.post(path, json=APPROVE)
    await gateway.send(finished(job.id, 2, JobState.CANCELLED, updated_at=NOON + timedelta(minutes=1)))
    await gateway.until(job.id, JobState.CANCELLED)
    again = await gateway.http.post(path, json=APPROVE)

    assert (again.status_code, again.json()["state"]) == (200, "approved")


async def test_a_snapshot_from_before_the_review_does_not_close_it(gateway: Gateway) -> None:
    job = await gateway.submit(review="human")
    review = opened(job.id)
    await gateway.send(await review_requested(gateway.door.blobs, review, WORKFLOW))
    await gateway.send(advanced(job.id, 1, updated_at=NOON - timedelta(minutes=1)))
    await gateway.admitted(job.id, 1)

    await until(gateway, f"/v1/jobs/{job.id}/reviews/{review.review_id}", ReviewState.OPEN)


async def test_a_review_that_is_told_after_its_end_is_closed(gateway: Gateway) -> None:
    job = await gateway.submit(review="human")
    review = opened(job.id)
    await gateway.send(finished(job.id, 5, JobState.CANCELLED, updated_at=NOON + timedelta(minutes=1)))
    await gateway.until(job.id, JobState.CANCELLED)
    await gateway.send(await review_requested(gateway.door.blobs, review, WORKFLOW))

    await until(gateway, f"/v1/jobs/{job.id}/reviews/{review.review_id}", ReviewState.WITHDRAWN)


async def test_reviews_are_listed_newest_first_by_state_and_without_payloads(gateway: Gateway) -> None:
    paths = [(await asked(gateway, opened_at=NOON + timedelta(minutes=minute)))[1] for minute in range(3)]
    await gateway.http.post(paths[1], json=APPROVE)
    first = (await gateway.http.get("/v1/reviews", params={"limit": 2})).json()
    second = (await gateway.http.get("/v1/reviews", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    still_open = (await gateway.http.get("/v1/reviews", params={"state": "open"})).json()["items"]

    assert [one["links"]["self"] for one in first["items"] + second["items"]] == paths[::-1]
    assert second["next_cursor"] is None
    assert [one["links"]["self"] for one in still_open] == [paths[2], paths[0]]
    assert {(one["workflow"], tuple(one["samples"])) for one in first["items"]} == {(None, ())}


async def test_a_job_lists_its_own_reviews(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    await asked(gateway)
    second: OpenReview = opened(job.id, 2, opened_at=NOON + timedelta(minutes=5))
    await gateway.send(await review_requested(gateway.door.blobs, second, WORKFLOW))
    await until(gateway, f"/v1/jobs/{job.id}/reviews/{second.review_id}", ReviewState.OPEN)
    listed = (await gateway.http.get(f"/v1/jobs/{job.id}/reviews")).json()["items"]

    assert [one["round"] for one in listed] == [2, 1]
    assert listed[1]["links"]["self"] == path


async def test_reviews_of_others_do_not_exist(gateway: Gateway) -> None:
    job, path = await asked(gateway)
    async with gateway.as_somebody_new() as other:
        answers = [
            await other.http.get(path),
            await other.http.post(path, json=APPROVE),
            await other.http.get(f"/v1/jobs/{job.id}/reviews"),
        ]
        listed = (await other.http.get("/v1/reviews")).json()["items"]

    assert {answer.status_code for answer in answers} == {404}
    assert listed == []


@pytest.mark.parametrize(
    "body", [{}, {"decision": "revise"}, {**APPROVE, "feedback": "fine"}, {"decision": "maybe"}, {**REVISE, "more": 1}]
)
async def test_an_answer_that_says_nothing_clear_is_refused(gateway: Gateway, body: dict[str, str]) -> None:
    _, path = await asked(gateway)

    assert (await gateway.http.post(path, json=body)).status_code == 422
