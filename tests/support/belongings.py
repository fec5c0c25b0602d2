"""One of everything that a tenant can have at the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace

import httpx

from graftwork.contracts.jobs import JobState
from graftwork.contracts.workflows import Workflow
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import remember_key
from tests.support.api import Ids
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node
from tests.support.search_told import opened
from tests.support.search_told import publish
from tests.support.search_told import review_requested

WORKFLOW = Workflow(prompts={"draft": "Explain {topic}."}, code="async def workflow(ctx, seed):\n    return {}\n")
WEBHOOK = {"url": "https://example.org/hooks", "events": ["review.requested"]}


@dataclass(frozen=True)
class Belongings:
    """Ids by the names of path parameters; ``job_id`` is a job under way, that waits for its review."""

    ids: Ids
    ended_job_id: str

    @property
    def after_the_end(self) -> Ids:
        """The same with the job that has ended."""
        return {**self.ids, "job_id": self.ended_job_id}

    @property
    def every_id(self) -> list[str]:
        """All of them."""
        return [*self.ids.values(), self.ended_job_id]


async def one_of_everything(gateway: Gateway) -> Belongings:
    """Let the gateway's client have one of everything that has an id."""
    ended_job_id, dataset_id = await an_ended_job(gateway)
    job_id, review_id = await a_job_in_review(gateway)
    webhook = await gateway.http.post("/v1/webhooks", json=WEBHOOK)
    ids = {
        "job_id": job_id,
        "node_id": f"{job_id}:node:0",
        "review_id": review_id,
        "dataset_id": dataset_id,
        "webhook_id": webhook.json()["id"],
    }
    return Belongings(ids, ended_job_id)


async def an_ended_job(gateway: Gateway) -> tuple[str, str]:
    """A job that succeeded, and its dataset."""
    job = await gateway.submit()
    dataset = await publish(gateway.door.blobs, job.id, {"README.md": b"card"})
    winner = node(job.id, 0)
    await gateway.send(advanced(job.id, 1, node=winner))
    await gateway.send(finished(job.id, 2, dataset=dataset, winner_node_id=winner.node_id))
    await gateway.until(job.id, JobState.SUCCEEDED)
    return job.id, dataset.dataset_id


async def a_failed_job(gateway: Gateway) -> str:
    """A job that can be tried again."""
    job = await gateway.submit()
    await gateway.send(finished(job.id, 1, JobState.FAILED))
    await gateway.until(job.id, JobState.FAILED)
    return job.id


async def a_job_in_review(gateway: Gateway) -> tuple[str, str]:
    """A job with a node, and the review that it waits for."""
    job = await gateway.submit(review="human")
    review = opened(job.id)
    await gateway.send(advanced(job.id, 1, node=node(job.id, 0), review=review.model_dump()))
    await gateway.send(await review_requested(gateway.door.blobs, review, WORKFLOW))
    await gateway.admitted(job.id, 1)
    path = f"/v1/jobs/{job.id}/reviews/{review.review_id}"

    async def listed() -> None:
        assert (await gateway.http.get(path)).json().get("state") == "open"

    await assert_eventually(listed, timeout_seconds=20)
    return job.id, review.review_id


@asynccontextmanager
async def as_an_admin(gateway: Gateway) -> AsyncIterator[Gateway]:
    """The same gateway with the client of an admin, who belongs to a tenant with nothing."""
    key = new_key()
    await remember_key(gateway.door.ledger, key, "admins", admin=True)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=gateway.http.base_url, headers=headers, timeout=20) as http:
        yield replace(gateway, http=http)
