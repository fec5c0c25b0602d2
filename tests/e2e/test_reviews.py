"""A person between the first workflow and the search: by REST, over all services."""

from typing import Any

import httpx
import pytest

from graftwork.contracts.jobs import JobState
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.platforms import watched_until
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

JOB = {
    "name": "reviewed",
    "task": "Short explanations of fractions for children, each with one example.",
    "count": 4,
    "review": "human",
    "search": {"iterations": 2, "evaluation_samples": 5, "anchor": False},
}
FEEDBACK = "Name the audience, and give one example from a kitchen."


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


async def open_review(platform: RunningPlatform, http: httpx.AsyncClient, job: str, number: int) -> dict[str, Any]:
    """The job's review of that round, once it is asked for."""
    async with platform.client() as client:
        async for event in client.watch(job):
            if event.snapshot.review is not None and event.snapshot.review.round == number:
                review = await client.review(job, event.snapshot.review.review_id)
                shown: dict[str, Any] = (await http.get(f"/v1/jobs/{job}/reviews/{review.id}")).json()
                return shown
    raise AssertionError(f"review {number} was never asked for")


async def test_a_person_revises_once_approves_and_gets_the_dataset(platform: RunningPlatform) -> None:
    headers = {"Authorization": f"Bearer {platform.key}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=60) as http:
        job = (await http.post("/v1/jobs", json=JOB)).json()["id"]
        first = await open_review(platform, http, job, 1)
        waiting = (await http.get(f"/v1/jobs/{job}")).json()
        calls_while_waiting = (await platform.model.stats())["answered"]
        path = f"/v1/jobs/{job}/reviews/{first['id']}"
        answer = {"decision": "revise", "feedback": FEEDBACK}
        revised = await http.post(path, json=answer)
        second = await open_review(platform, http, job, 2)
        calls_of_the_revision = (await platform.model.stats())["answered"]
        other = await http.post(path, json={"decision": "approve"})
        approved = await http.post(f"/v1/jobs/{job}/reviews/{second['id']}", json={"decision": "approve"})
        async with platform.client() as client:
            end = (await watched(client, job))[-1].snapshot
        tree = (await http.get(f"/v1/jobs/{job}/tree")).json()["nodes"]
        root = (await http.get(f"/v1/jobs/{job}/nodes/{tree[0]['node_id']}")).json()
        late = await http.post(f"/v1/jobs/{job}/reviews/{second['id']}", json={"decision": "revise", "feedback": "x"})
    [request] = await platform.model.requests("revise_workflow")

    assert waiting["state"] == JobState.WAITING_FOR_REVIEW
    assert len(first["samples"]) == first["samples_ok"] == 5
    assert first["workflow"]["code"].startswith("async def workflow")
    assert calls_of_the_revision > calls_while_waiting
    assert FEEDBACK in str(request["messages"])
    assert (revised.status_code, approved.status_code) == (200, 200)
    assert second["workflow"] != first["workflow"]
    assert root["workflow"] == second["workflow"]
    assert [sample["sample_id"] for sample in root["samples"]] == [sample["sample_id"] for sample in second["samples"]]
    assert (other.status_code, late.status_code) == (409, 409)
    assert other.json()["type"].startswith("urn:graftwork:problem:")
    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 4)
    assert end.spent.total.calls == (await platform.model.stats())["answered"]


async def test_a_job_cancelled_while_it_waits_ends_at_once_and_takes_no_answer(platform: RunningPlatform) -> None:
    headers = {"Authorization": f"Bearer {platform.key}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=60) as http:
        job = (await http.post("/v1/jobs", json=JOB)).json()["id"]
        review = await open_review(platform, http, job, 1)
        await http.post(f"/v1/jobs/{job}/cancel")
        async with platform.client() as client:
            last = await watched_until(client, job, "job.finished")
        answer = await http.post(f"/v1/jobs/{job}/reviews/{review['id']}", json={"decision": "approve"})

    assert last.snapshot.state is JobState.CANCELLED
    assert answer.status_code == 409
