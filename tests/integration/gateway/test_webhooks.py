"""Webhooks, to a real receiver: signed, tried again, never led astray."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookView
from graftwork.contracts.workflows import Workflow
from graftwork_gateway.webhooks import MAX_WEBHOOKS
from tests.support.doors import Gateway
from tests.support.doors import gateway_settings
from tests.support.doors import open_gateway
from tests.support.eventually import assert_eventually
from tests.support.receivers import Call
from tests.support.receivers import Receiver
from tests.support.receivers import receiving
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import opened
from tests.support.search_told import review_requested

pytestmark = pytest.mark.asyncio(loop_scope="module")
PUBLIC = "https://hooks.example.com/graftwork"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def near_gateway(
    kafka_address: str, mongo_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway that may call this machine."""
    home = tmp_path_factory.mktemp("webhooks")
    more: dict[str, Any] = {"webhook_private_addresses": True, "webhook_retry_seconds": (0.01, 0.01)}
    settings = gateway_settings(kafka_address, mongo_address, home, **more)
    async with open_gateway(settings) as opened_gateway:
        yield opened_gateway


@pytest_asyncio.fixture(loop_scope="module")
async def near(near_gateway: Gateway) -> AsyncIterator[Gateway]:
    async with near_gateway.as_somebody_new() as mine:
        yield mine


async def hooked(gateway: Gateway, url: str, **more: Any) -> WebhookCreated:
    answer = await gateway.http.post("/v1/webhooks", json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return WebhookCreated.model_validate_json(answer.content)


async def listed(gateway: Gateway) -> tuple[WebhookView, ...]:
    return WebhookList.model_validate_json((await gateway.http.get("/v1/webhooks")).content).items


async def called(receiver: Receiver, times: int) -> list[Call]:
    async def enough() -> list[Call]:
        assert len(receiver.calls) >= times
        return receiver.calls

    return await assert_eventually(enough, timeout_seconds=20)


async def ended(gateway: Gateway) -> str:
    job = await gateway.submit()
    await gateway.send(finished(job.id, 1, reason="completed"))
    await gateway.until(job.id, JobState.SUCCEEDED)
    return job.id


async def told(gateway: Gateway, **expected: Any) -> WebhookView:
    async def there() -> WebhookView:
        [view] = await listed(gateway)
        assert {name: getattr(view, name) for name in expected} == expected
        return view

    return await assert_eventually(there, timeout_seconds=20)


async def test_the_end_of_a_job_is_told_and_signed(near: Gateway) -> None:
    async with receiving() as receiver:
        hook = await hooked(near, receiver.url)
        job_id = await ended(near)
        [call] = await called(receiver, 1)
        view = await told(near, last_status=204)
    body = Webhook(hook.secret).verify(call.body, dict(call.headers))

    assert body["type"] == "job.finished"
    assert {name: body["data"][name] for name in ("id", "name", "state", "reason")} == {
        "id": job_id,
        "name": "fractions",
        "state": "succeeded",
        "reason": "completed",
    }
    assert call.headers["host"] == receiver.url.split("/")[2]
    assert view.last_error is None
    assert view.last_called_at is not None


async def test_an_open_review_is_told(near: Gateway) -> None:
    workflow = Workflow(prompts={}, code="async def workflow(ctx, seed):\n    return {}\n")
    async with receiving() as receiver:
        hook = await hooked(near, receiver.url, events=["review.requested"])
        job = await near.submit(review="human")
        review = opened(job.id)
        await near.send(await review_requested(near.door.blobs, review, workflow))
        await near.send(finished(job.id, 2, JobState.CANCELLED))
        [call] = await called(receiver, 1)
        await near.until(job.id, JobState.CANCELLED)
        await told(near, last_status=204)
    body = Webhook(hook.secret).verify(call.body, dict(call.headers))

    assert (body["type"], body["data"]["id"], body["data"]["round"]) == ("review.requested", review.review_id, 1)
    assert body["data"]["links"]["self"] == f"/v1/jobs/{job.id}/reviews/{review.review_id}"
    assert len(receiver.calls) == 1


async def test_a_receiver_that_fails_is_told_again_what_it_was_told(near: Gateway) -> None:
    async with receiving(500, 302) as receiver:
        hook = await hooked(near, receiver.url)
        await ended(near)
        calls = await called(receiver, 3)
        await told(near, last_status=204, last_error=None)
    verified = [Webhook(hook.secret).verify(call.body, dict(call.headers)) for call in calls]

    assert len({call.headers["webhook-id"] for call in calls}) == 1
    assert verified[0] == verified[1] == verified[2]
    assert receiver.strayed == 0


async def test_a_webhook_that_never_succeeds_is_given_up_and_says_so(near: Gateway) -> None:
    async with receiving(500, 500, 500, 500) as receiver:
        await hooked(near, receiver.url)
        await ended(near)
        await called(receiver, 3)
        await told(near, last_status=500, last_error="answered 500")

        async def given_up() -> None:
            assert await near.door.ledger.read.count("tasks", {"kind": "call_webhook", "state": "failed"}) >= 1

        await assert_eventually(given_up)

    assert len(receiver.calls) == 3


async def test_a_receiver_that_is_gone_is_not_asked_again(near: Gateway) -> None:
    async with receiving(410) as receiver:
        await hooked(near, receiver.url)
        await ended(near)
        await told(near, last_status=410)
        await ended(near)
        await called(receiver, 2)

    assert len(receiver.calls) == 2


async def test_a_receiver_that_is_not_there_is_noted(near: Gateway) -> None:
    async with receiving() as receiver:
        pass
    await hooked(near, receiver.url)
    await ended(near)
    view = await told(near, last_status=None)

    async def tried() -> str:
        [view] = await listed(near)
        assert view.last_error
        return view.last_error

    assert view.last_status is None
    assert "Connect" in await assert_eventually(tried)


async def test_a_job_that_goes_on_is_told_again_at_its_next_end(near: Gateway) -> None:
    async with receiving() as receiver:
        await hooked(near, receiver.url)
        job = await near.submit()
        await near.send(finished(job.id, 1, winner_node_id=f"{job.id}:node:0"))
        await near.until(job.id, JobState.SUCCEEDED)
        await near.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 2})
        await near.send(advanced(job.id, 2, run=1), finished(job.id, 3, run=1))
        first, second = await called(receiver, 2)

    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert json.loads(second.body)["data"]["count"] == 5


async def test_webhooks_are_told_of_their_own_tenants_jobs_only(near: Gateway) -> None:
    async with receiving() as receiver, near.as_somebody_new() as other:
        hook = await hooked(near, receiver.url)
        theirs, mine = await ended(other), await ended(near)
        [call] = await called(receiver, 1)
        refused = await other.http.delete(f"/v1/webhooks/{hook.id}")
        seen = await listed(other)

    assert json.loads(call.body)["data"]["id"] == mine != theirs
    assert (refused.status_code, seen) == (404, ())


async def test_a_deleted_webhook_is_called_no_more(near: Gateway) -> None:
    async with receiving() as deleted, receiving() as kept:
        hook = await hooked(near, deleted.url)
        await hooked(near, kept.url)
        answer = await near.http.delete(f"/v1/webhooks/{hook.id}")
        again = await near.http.delete(f"/v1/webhooks/{hook.id}")
        await ended(near)
        await called(kept, 1)

    assert (answer.status_code, again.status_code) == (204, 404)
    assert deleted.calls == []


async def test_the_secret_is_shown_once(near: Gateway) -> None:
    hook = await hooked(near, PUBLIC)
    answer = await near.http.get("/v1/webhooks")

    assert hook.secret.startswith("whsec_")
    assert [one["id"] for one in answer.json()["items"]] == [hook.id]
    assert hook.secret not in answer.text


async def test_a_tenant_may_have_so_many_webhooks_and_no_more(near: Gateway) -> None:
    for _ in range(MAX_WEBHOOKS):
        await hooked(near, PUBLIC)
    answer = await near.http.post("/v1/webhooks", json={"url": PUBLIC})

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:graftwork:problem:too_many_webhooks")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8080/v1/jobs",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:192.168.0.1]/",
        "http://mongo.internal/",
        "http://2130706433/",
        "https://user:secret@hooks.example.com/",
        "ftp://hooks.example.com/",
        "not an address",
    ],
)
async def test_addresses_inside_are_refused_at_once(gateway: Gateway, url: str) -> None:
    answer = await gateway.http.post("/v1/webhooks", json={"url": url})

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["url"]


async def test_a_name_that_leads_inside_is_refused_when_it_is_called(gateway: Gateway) -> None:
    async with receiving() as receiver:
        hook = await hooked(gateway, PUBLIC)
        await gateway.door.ledger.transaction(
            lambda tx: tx.update("webhooks", {"_id": hook.id}, {"$set": {"url": receiver.url}})
        )
        await ended(gateway)

        async def refused() -> str:
            [view] = await listed(gateway)
            assert view.last_error
            return view.last_error

        error = await assert_eventually(refused)

    assert "leads to a private address" in error
    assert receiver.calls == []
