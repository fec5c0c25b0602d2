"""Jobs after their end: more rows, another try, deletion, retention."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import aconnect_sse

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobDeleted
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.quotas import set_limits
from tests.support.doors import Gateway
from tests.support.doors import gateway_settings
from tests.support.doors import open_gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node
from tests.support.search_told import publish

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ended(gateway: Gateway, state: JobState = JobState.SUCCEEDED, *, won: bool = True, **more: Any) -> JobView:
    job = await gateway.submit(**more)
    winner: dict[str, Any] = {"winner_node_id": f"{job.id}:node:0"} if won else {}
    await gateway.send(advanced(job.id, 1, node=node(job.id, 0)), finished(job.id, 2, state, **winner))
    await gateway.until(job.id, state)
    await gateway.admitted(job.id, 2)
    return job


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).removeprefix("urn:graftwork:problem:")


async def streamed(gateway: Gateway, job_id: str, after: int = 0) -> list[tuple[str, str]]:
    headers = {"Last-Event-ID": str(after)}
    async with aconnect_sse(gateway.http, "GET", f"/v1/jobs/{job_id}/events", headers=headers) as source:
        return [(one.id, one.event) async for one in source.aiter_sse() if one.data]


async def test_more_rows_are_asked_of_search(gateway: Gateway) -> None:
    job = await ended(gateway)
    answer = await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 4})
    [told] = await gateway.heard(JobContinuationRequested, job.id)

    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["count"]) == ("queued", 7)
    assert (told.kind, told.rows) == (Continuation.EXTEND, 4)


async def test_each_continuation_has_a_request_of_its_own(gateway: Gateway) -> None:
    job = await ended(gateway)
    await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})
    await gateway.send(advanced(job.id, 3, run=1), finished(job.id, 4, JobState.FAILED, run=1))
    await gateway.until(job.id, JobState.FAILED)
    again = await gateway.http.post(f"/v1/jobs/{job.id}/retry")
    told = await gateway.heard(JobContinuationRequested, job.id, 2)

    assert again.status_code == 202
    assert [one.kind for one in told] == [Continuation.EXTEND, Continuation.RETRY]
    assert len({one.request_id for one in told}) == 2


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
async def test_a_job_that_did_not_succeed_can_be_tried_again(gateway: Gateway, state: JobState) -> None:
    job = await ended(gateway, state, won=False)
    answer = await gateway.http.post(f"/v1/jobs/{job.id}/retry")
    [told] = await gateway.heard(JobContinuationRequested, job.id)

    assert (answer.status_code, answer.json()["reason"]) == (202, None)
    assert (told.kind, told.rows) == (Continuation.RETRY, 0)


async def test_what_cannot_go_on_says_why(gateway: Gateway) -> None:
    running = await gateway.submit()
    succeeded, lost = await ended(gateway), await ended(gateway, JobState.FAILED, won=False)
    post = gateway.http.post

    assert code_of(await post(f"/v1/jobs/{running.id}/extend", json={"rows": 1})) == (409, "job_running")
    assert code_of(await post(f"/v1/jobs/{running.id}/retry")) == (409, "job_running")
    assert code_of(await post(f"/v1/jobs/{succeeded.id}/retry")) == (409, "nothing_to_retry")
    assert code_of(await post(f"/v1/jobs/{lost.id}/extend", json={"rows": 1})) == (409, "no_winner")
    assert code_of(await post(f"/v1/jobs/{succeeded.id}/extend", json={"rows": 1_000_000})) == (422, "invalid_request")
    assert code_of(await post(f"/v1/jobs/{succeeded.id}/extend", json={"rows": 0})) == (422, "invalid_request")
    assert not [one for one in gateway.bus.all(JobContinuationRequested) if one.job_id == succeeded.id]


def spent(**usage: int) -> dict[str, Any]:
    return {"spent": SpendReport(total=Usage(**usage))}


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"calls": 9}, spent(calls=9)),
        ({"tokens": 9}, spent(calls=1, prompt_tokens=5, completion_tokens=4)),
        ({"candidates": 9}, {"production": ProductionCounts(wanted=3, attempted=9)}),
    ],
)
async def test_a_job_whose_budget_is_used_up_is_not_tried_again(
    gateway: Gateway, budget: dict[str, int], told: dict[str, Any]
) -> None:
    job = await gateway.submit(budget=budget)
    await gateway.send(finished(job.id, 1, JobState.FAILED, reason="budget_exhausted", **told))
    await gateway.until(job.id, JobState.FAILED)
    answer = await gateway.http.post(f"/v1/jobs/{job.id}/retry")

    assert code_of(answer) == (409, "budget_exhausted")
    assert f"budget.{next(iter(budget))} (9)" in answer.json()["detail"]


async def test_a_job_whose_budget_is_used_up_makes_no_more_rows(gateway: Gateway) -> None:
    answers = []
    for calls in (9, 8):
        job = await gateway.submit(budget={"calls": 9})
        await gateway.send(finished(job.id, 1, winner_node_id="n", **spent(calls=calls)))
        await gateway.until(job.id, JobState.SUCCEEDED)
        answers.append(await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1}))

    assert code_of(answers[0]) == (409, "budget_exhausted")
    assert answers[1].status_code == 202


async def test_a_job_that_failed_for_another_reason_can_be_tried_again_without_a_budget(gateway: Gateway) -> None:
    job = await gateway.submit(budget={"calls": 9})
    await gateway.send(finished(job.id, 1, JobState.FAILED, reason="curation_failed", **spent(calls=9)))
    await gateway.until(job.id, JobState.FAILED)

    assert (await gateway.http.post(f"/v1/jobs/{job.id}/retry")).status_code == 202


async def test_a_job_is_extended_once_at_a_time(gateway: Gateway) -> None:
    job = await ended(gateway)
    headers = {"Idempotency-Key": "once"}
    first = await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1}, headers=headers)
    replayed = await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1}, headers=headers)
    other = await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})

    assert (first.status_code, first.content) == (202, replayed.content)
    assert code_of(other) == (409, "job_running")


async def test_a_job_that_is_about_to_go_on_counts_as_under_way(gateway: Gateway) -> None:
    first, second = await ended(gateway), await ended(gateway)
    limits = TenantLimits(open_jobs=1, rows_per_job=10)
    tenant = await tenant_of(gateway, first.id)
    await gateway.door.ledger.transaction(lambda tx: set_limits(tx, tenant, limits))
    post = gateway.http.post
    too_long = await post(f"/v1/jobs/{first.id}/extend", json={"rows": 8})
    taken = await post(f"/v1/jobs/{first.id}/extend", json={"rows": 7})
    refused = await post(f"/v1/jobs/{second.id}/extend", json={"rows": 1})

    assert code_of(too_long) == (422, "too_many_rows")
    assert taken.status_code == 202
    assert code_of(refused) == (403, "too_many_open_jobs")


async def test_what_goes_on_can_be_cancelled_again(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.http.post(job.links["cancel"])
    await gateway.send(finished(job.id, 1, JobState.CANCELLED))
    await gateway.until(job.id, JobState.CANCELLED)
    await gateway.http.post(f"/v1/jobs/{job.id}/retry")
    answer = await gateway.http.post(job.links["cancel"])
    told = await gateway.heard(JobCancellationRequested, job.id, 2)

    assert answer.status_code == 202
    assert [one.run for one in told] == [0, 1]


async def test_a_stream_goes_on_with_a_job_that_goes_on(gateway: Gateway) -> None:
    job = await ended(gateway)
    await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})
    async with aconnect_sse(gateway.http, "GET", f"/v1/jobs/{job.id}/events") as source:
        events = ((one.id, one.event) async for one in source.aiter_sse() if one.data)
        before = [await anext(events), await anext(events)]
        await gateway.send(advanced(job.id, 3, run=1), finished(job.id, 4, run=1))
        rest = [one async for one in events]

    assert before == [("1", "node.scored"), ("2", "job.finished")]
    assert rest == [("3", "node.scored"), ("4", "job.finished")]


async def test_a_job_that_went_on_is_told_from_its_first_event_to_its_last(gateway: Gateway) -> None:
    job = await ended(gateway)
    await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})
    await gateway.send(advanced(job.id, 3, run=1), finished(job.id, 4, run=1))
    await gateway.until(job.id, JobState.SUCCEEDED)

    assert [number for number, _ in await streamed(gateway, job.id)] == ["1", "2", "3", "4"]
    assert [number for number, _ in await streamed(gateway, job.id, after=2)] == ["3", "4"]
    assert (await gateway.http.get(job.links["events"], headers={"Last-Event-ID": "4"})).status_code == 204


async def test_a_deleted_job_is_gone_with_all_it_made(gateway: Gateway) -> None:
    job = await gateway.submit()
    blobs = gateway.door.blobs
    dataset = await publish(blobs, job.id, {"data.jsonl": b"{}\n"})
    payload = await blobs.put_bytes(b"rows", f"{job.id}/samples")
    await gateway.send(advanced(job.id, 1, node=node(job.id, 0)), finished(job.id, 2, dataset=dataset))
    await gateway.until(job.id, JobState.SUCCEEDED)
    paths = [f"/v1/jobs/{job.id}{end}" for end in ("", "/tree", "/events", f"/nodes/{job.id}:node:0", "/reviews")]
    answer = await gateway.http.delete(f"/v1/jobs/{job.id}")
    after = [await gateway.http.get(path) for path in [*paths, f"/v1/datasets/{dataset.dataset_id}"]]
    [told] = await gateway.heard(JobDeleted, job.id)

    async def emptied() -> None:
        files = [file.blob for file in dataset.files]
        assert not [ref for ref in (payload, *files) if await exists(gateway, ref.key)]
        assert await gateway.door.ledger.read.count(JOB_EVENTS, {"job_id": job.id}) == 0

    await assert_eventually(emptied, timeout_seconds=20)
    assert answer.status_code == 204
    assert {one.status_code for one in after} == {404}
    assert told.tenant.startswith("tenant-")
    assert job.id not in (await gateway.http.get("/v1/jobs")).text


async def exists(gateway: Gateway, key: str) -> bool:
    root = Path(gateway.door.settings.blobs.removeprefix("file://"))
    return (root / key).exists()


async def test_a_job_under_way_cannot_be_deleted(gateway: Gateway) -> None:
    running, going_on = await gateway.submit(), await ended(gateway)
    await gateway.http.post(f"/v1/jobs/{going_on.id}/extend", json={"rows": 1})
    answers = [await gateway.http.delete(f"/v1/jobs/{job.id}") for job in (running, going_on)]

    assert [code_of(answer) for answer in answers] == [(409, "job_running")] * 2
    assert not [one for one in gateway.bus.all(JobDeleted) if one.job_id in {running.id, going_on.id}]


async def test_late_events_do_not_bring_a_deleted_job_back(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(finished(job.id, 3))
    await gateway.until(job.id, JobState.SUCCEEDED)
    await gateway.http.delete(f"/v1/jobs/{job.id}")
    other = await gateway.submit()
    await gateway.send(advanced(job.id, 2, node=node(job.id, 0)), advanced(other.id, 1))
    await gateway.admitted(other.id, 1)
    again = await gateway.http.delete(f"/v1/jobs/{job.id}")
    rows = await gateway.door.ledger.read.find(JOBS, {"_id": job.id})

    assert again.status_code == 404
    assert [set(row) for row in rows] == [{"_id", "deleted_at"}]


async def test_jobs_and_datasets_of_others_cannot_be_touched(gateway: Gateway) -> None:
    job = await gateway.submit()
    dataset = await publish(gateway.door.blobs, job.id, {"data.jsonl": b"{}\n"})
    await gateway.send(finished(job.id, 1, dataset=dataset))
    await gateway.until(job.id, JobState.SUCCEEDED)
    async with gateway.as_somebody_new() as other:
        answers = [
            await other.http.delete(f"/v1/jobs/{job.id}"),
            await other.http.delete(f"/v1/datasets/{dataset.dataset_id}"),
            await other.http.post(f"/v1/jobs/{job.id}/retry"),
            await other.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1}),
        ]

    assert {answer.status_code for answer in answers} == {404}
    assert (await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}")).status_code == 200


async def test_a_deleted_dataset_leaves_its_job_and_the_jobs_other_datasets(gateway: Gateway) -> None:
    job = await gateway.submit()
    first = await publish(gateway.door.blobs, job.id, {"data.jsonl": b"{}\n"})
    second = await publish(gateway.door.blobs, job.id, {"data.jsonl": b"{}\n{}\n"}, run=1)
    await gateway.send(finished(job.id, 1, dataset=first, winner_node_id="n"))
    await gateway.until(job.id, JobState.SUCCEEDED)
    await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})
    await gateway.send(finished(job.id, 2, dataset=second, run=1))
    await gateway.until(job.id, JobState.SUCCEEDED)
    answer = await gateway.http.delete(f"/v1/datasets/{second.dataset_id}")
    view = (await gateway.http.get(job.links["self"])).json()
    download = await gateway.http.get(f"/v1/datasets/{first.dataset_id}/download", params={"path": "data.jsonl"})

    async def emptied() -> None:
        assert not await exists(gateway, second.files[0].blob.key)

    await assert_eventually(emptied, timeout_seconds=20)
    assert answer.status_code == 204
    assert view["links"]["dataset"] == f"/v1/datasets/{first.dataset_id}"
    assert download.content == b"{}\n"


async def test_a_deleted_dataset_does_not_come_back_with_a_later_run(gateway: Gateway) -> None:
    job = await gateway.submit()
    dataset = await publish(gateway.door.blobs, job.id, {"data.jsonl": b"{}\n"})
    await gateway.send(finished(job.id, 1, dataset=dataset, winner_node_id="n"))
    await gateway.until(job.id, JobState.SUCCEEDED)
    await gateway.http.delete(f"/v1/datasets/{dataset.dataset_id}")
    await gateway.http.post(f"/v1/jobs/{job.id}/extend", json={"rows": 1})
    await gateway.send(finished(job.id, 2, JobState.FAILED, dataset=dataset, run=1))
    view = await gateway.until(job.id, JobState.FAILED)
    found = await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}")

    assert (view.dataset_id, view.links.get("dataset")) == (None, None)
    assert found.status_code == 404
    assert (await gateway.http.get("/v1/datasets")).json()["items"] == []


async def test_jobs_are_deleted_once_their_tenant_keeps_them_no_longer(
    kafka_address: str, mongo_address: str, tmp_path: Path
) -> None:
    own = gateway_settings(kafka_address, mongo_address, tmp_path, retention_sweep_seconds=0.2)
    day = TenantLimits(retention_days=1.0)
    async with open_gateway(own) as gateway, gateway.as_somebody_new() as other:
        old, new, running = await ended(gateway), await ended(gateway), await gateway.submit()
        kept = await ended(other)
        tenant, ledger = await tenant_of(gateway, old.id), gateway.door.ledger
        change = {"$set": {"ended_at": gateway.door.clock.now() - timedelta(days=2)}}
        await ledger.transaction(lambda tx: tx.update_many(JOBS, {"_id": {"$in": [old.id, kept.id]}}, change))
        await ledger.transaction(lambda tx: set_limits(tx, tenant, day))
        [told] = await gateway.heard(JobDeleted, old.id)
        left = [(await gateway.http.get(job.links["self"])).status_code for job in (old, new, running)]

        assert told.tenant == tenant
        assert left == [404, 200, 200]
        assert (await other.http.get(kept.links["self"])).status_code == 200


async def tenant_of(gateway: Gateway, job_id: str) -> str:
    row = await gateway.door.ledger.read.find_one(JOBS, {"_id": job_id})
    assert row is not None
    return str(row["tenant"])
