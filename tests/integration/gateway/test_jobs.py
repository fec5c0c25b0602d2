"""Submitting, listing, showing and cancelling jobs, over HTTP on the real servers."""

import asyncio

import httpx
import pytest

from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import PoolChecksView
from graftwork.contracts.rest import PoolsView
from tests.support.doors import SPEC
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_job_is_taken_and_told_to_search_with_its_spec(gateway: Gateway) -> None:
    answer = await gateway.http.post("/v1/jobs", json=SPEC)
    [told] = await gateway.heard(JobSubmitted, answer.json()["id"])
    spec = await gateway.door.blobs.get_model(told.spec, JobSpec)

    view = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{view['id']}"
    assert (view["state"], view["name"], view["count"], view["snapshot"]) == ("queued", "fractions", 3, None)
    assert told.tenant.startswith("tenant-")
    asked = JobSpec.model_validate(SPEC)
    assert spec.model_copy(update={"models": asked.models}) == asked
    assert all(model.model for model in spec.models.by_role().values())


async def test_a_job_is_shown_as_search_last_told_it(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(advanced(job.id, 1, best_reward=3.5))
    view = await gateway.until(job.id, JobState.RUNNING)

    assert view.phase is JobPhase.SEARCHING
    assert view.snapshot is not None
    assert view.snapshot.best_reward == 3.5
    assert view.created_at == job.created_at


async def test_jobs_are_listed_newest_first_page_by_page(gateway: Gateway) -> None:
    jobs = [(await gateway.submit(name=f"job{number}")).id for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor is not None:
        parameters = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = (await gateway.http.get("/v1/jobs", params=parameters)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        pages += 1

    assert seen == jobs[::-1]
    assert pages == 3


async def test_the_same_key_and_body_give_the_stored_answer(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await gateway.http.post("/v1/jobs", json=SPEC, headers=headers)
    job_id = first.json()["id"]
    await gateway.send(advanced(job_id, 1))
    await gateway.until(job_id, JobState.RUNNING)
    again = await gateway.http.post("/v1/jobs", json=dict(reversed(SPEC.items())), headers=headers)

    assert again.status_code == 202
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


async def test_the_same_key_with_another_body_is_refused(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await gateway.http.post("/v1/jobs", json=SPEC, headers=headers)
    other = await gateway.http.post("/v1/jobs", json={**SPEC, "count": 4}, headers=headers)
    listed = (await gateway.http.get("/v1/jobs")).json()["items"]

    assert other.status_code == 409
    assert other.json()["type"] == "urn:graftwork:problem:idempotency_conflict"
    assert [item["id"] for item in listed] == [first.json()["id"]]


async def test_a_key_belongs_to_its_tenant(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "once"}
    mine = await gateway.http.post("/v1/jobs", json=SPEC, headers=headers)
    async with gateway.as_somebody_new() as other:
        theirs = await other.http.post("/v1/jobs", json={**SPEC, "count": 4}, headers=headers)

    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_the_same_key_sent_many_times_at_once_makes_one_job(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(gateway.http.post("/v1/jobs", json=SPEC, headers=headers) for _ in range(8)))
    await gateway.heard(JobSubmitted, answers[0].json()["id"])
    listed = (await gateway.http.get("/v1/jobs")).json()["items"]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(listed) == 1


async def test_cancelling_tells_search_once_however_often_it_is_asked(gateway: Gateway) -> None:
    job = await gateway.submit()
    answers = [await gateway.http.post(job.links["cancel"]) for _ in range(3)]
    last = await gateway.submit()
    await gateway.http.post(last.links["cancel"])
    await gateway.heard(JobCancellationRequested, last.id)
    told = await gateway.heard(JobCancellationRequested, job.id)

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert {answer.json()["cancel_requested"] for answer in answers} == {True}
    assert len(told) == 1


async def test_a_job_that_has_ended_cannot_be_cancelled(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(finished(job.id, 1))
    await gateway.until(job.id, JobState.SUCCEEDED)
    answer = await gateway.http.post(job.links["cancel"])

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:graftwork:problem:job_ended"
    assert "succeeded" in answer.json()["detail"]
    assert not [told for told in gateway.bus.all(JobCancellationRequested) if told.job_id == job.id]


@pytest.mark.parametrize("path", ["", "/events", "/tree", "/nodes/n", "/cancel"])
async def test_jobs_of_others_do_not_exist(gateway: Gateway, path: str) -> None:
    job = await gateway.submit()
    await gateway.send(advanced(job.id, 1))
    await gateway.until(job.id, JobState.RUNNING)
    method = "POST" if path == "/cancel" else "GET"
    async with gateway.as_somebody_new() as other:
        theirs = await other.http.request(method, f"/v1/jobs/{job.id}{path}")
    nobodys = await gateway.http.request(method, f"/v1/jobs/job-none{path}")

    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert is_a_problem(theirs)
    assert theirs.json()["detail"].replace(job.id, "") == nobodys.json()["detail"].replace("job-none", "")


async def test_lists_show_the_callers_jobs_only(gateway: Gateway) -> None:
    await gateway.submit()
    async with gateway.as_somebody_new() as other:
        listed = await other.http.get("/v1/jobs")

    assert listed.json() == {"items": [], "next_cursor": None}


def is_a_problem(answer: httpx.Response) -> bool:
    return answer.headers["content-type"] == "application/problem+json" and "type" in answer.json()


async def test_health_needs_no_key(gateway: Gateway) -> None:
    async def ready() -> None:
        assert (await stranger.get("/readyz")).status_code == 200

    job = await gateway.submit()
    await gateway.until(job.id, JobState.QUEUED)
    async with httpx.AsyncClient(base_url=gateway.http.base_url) as stranger:
        await assert_eventually(ready)
        alive = await stranger.get("/healthz")
        metrics = await stranger.get("/metrics")

    assert alive.json() == {"status": "ok"}
    assert 'http_seconds_count{method="GET",route="/v1/jobs/{job_id}",status="200"}' in metrics.text
    assert job.id not in metrics.text


async def test_every_known_pool_tells_its_models(gateway: Gateway) -> None:
    view = PoolsView.model_validate_json((await gateway.http.get("/v1/pools")).content)

    assert [pool.pool for pool in view.pools] == ["evaluator", "generator", "optimizer"]
    assert {pool.default_model for pool in view.pools} == {"fake"}
    assert all(pool.available and pool.writes_code for pool in view.pools)


async def test_every_known_pool_can_be_checked_with_any_key(gateway: Gateway) -> None:
    answer = await gateway.http.post("/v1/pools:check")
    view = PoolChecksView.model_validate_json(answer.content)

    assert [pool.pool for pool in view.pools] == ["evaluator", "generator", "optimizer"]
    assert [(pool.keeps_schema, pool.used.calls, pool.problem) for pool in view.pools] == [(True, 2, None)] * 3
