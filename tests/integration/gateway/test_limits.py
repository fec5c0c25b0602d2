"""What a tenant may use, counted exactly however many replicas and requests there are at once."""

import asyncio
import re
from datetime import UTC
from datetime import datetime

import pytest

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.clock import FakeClock
from graftwork.kit.ledger import Ledger
from graftwork_gateway.documents import JOBS
from graftwork_gateway.keys import caller_of
from graftwork_gateway.quotas import count_request
from graftwork_gateway.quotas import set_limits
from tests.support.doors import SPEC
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUTE = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


async def limit(gateway: Gateway, **limits: int) -> str:
    """Limit the tenant of this client; return its name."""
    ledger = gateway.door.ledger
    tenant = (await caller_of(ledger.read, gateway.http.headers)).tenant
    await ledger.transaction(lambda tx: set_limits(tx, tenant, TenantLimits(**limits)))
    return tenant


def replica(ledger: Ledger, clock: FakeClock) -> Ledger:
    return Ledger(ledger.client, service=ledger.service, namespace=ledger.namespace, clock=clock)


async def test_requests_beyond_the_limit_are_refused_until_the_next_minute(gateway: Gateway) -> None:
    await limit(gateway, requests_per_minute=1)
    answers = [await gateway.http.get("/v1/jobs") for _ in range(3)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    left = re.fullmatch(r'"requests";r=0;t=(\d+)', refused.headers["ratelimit"])

    assert refused.json()["type"] == "urn:graftwork:problem:rate_limited"
    assert refused.headers["ratelimit-policy"] == '"requests";q=1;w=60'
    assert left is not None
    assert refused.headers["retry-after"] == left[1]
    assert 1 <= int(left[1]) <= 60


async def test_every_answer_tells_what_is_left_errors_too(gateway: Gateway) -> None:
    await limit(gateway, requests_per_minute=1000)
    answers = [await gateway.http.get(path) for path in ("/v1/jobs", "/v1/jobs/none", "/v1/jobs?limit=0")]

    assert [answer.status_code for answer in answers] == [200, 404, 422]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"requests";q=1000;w=60'}


async def test_a_tenant_without_a_limit_is_told_of_none(gateway: Gateway) -> None:
    await limit(gateway)

    assert "ratelimit" not in (await gateway.http.get("/v1/jobs")).headers


async def test_requests_at_once_at_several_replicas_are_counted_exactly(gateway: Gateway) -> None:
    tenant = await limit(gateway, requests_per_minute=10)
    replicas = [replica(gateway.door.ledger, FakeClock(MINUTE)) for _ in range(3)]
    counted = await asyncio.gather(
        *(count_request(ledger, tenant, TenantLimits()) for ledger in replicas for _ in range(20))
    )

    assert sorted(allowance.requests for allowance in counted) == list(range(1, 61))
    assert {allowance.resets_in_seconds for allowance in counted} == {60}


async def test_a_replica_whose_clock_is_behind_opens_no_minute_again(gateway: Gateway) -> None:
    tenant = await limit(gateway, requests_per_minute=10)
    ahead, behind = FakeClock(MINUTE), FakeClock(MINUTE)
    behind.advance(-2)
    first, second = replica(gateway.door.ledger, ahead), replica(gateway.door.ledger, behind)
    counts = [(await count_request(ledger, tenant, TenantLimits())).requests for ledger in (second, first, second)]
    ahead.advance(60)
    next_minute = await count_request(first, tenant, TenantLimits())

    assert counts == [1, 1, 2]
    assert next_minute.requests == 1


async def test_tenants_do_not_use_up_each_others_requests(gateway: Gateway) -> None:
    await limit(gateway, requests_per_minute=1)
    await gateway.http.get("/v1/jobs")
    async with gateway.as_somebody_new() as other:
        answers = [await other.http.get("/v1/jobs") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_the_events_of_a_stream_are_no_requests(gateway: Gateway) -> None:
    tenant = await limit(gateway, requests_per_minute=1000)
    job = await gateway.submit()
    for version in range(1, 6):
        await gateway.send(advanced(job.id, version))
    await gateway.send(finished(job.id, 6))
    await gateway.admitted(job.id, 6)
    clock = FakeClock()
    clock.advance((datetime(2040, 1, 1, tzinfo=UTC) - clock.now()).total_seconds())
    ledger = replica(gateway.door.ledger, clock)
    before = (await count_request(ledger, tenant, TenantLimits())).requests  # from here on all are counted together
    stream = await gateway.http.get(job.links["events"])
    after = (await count_request(ledger, tenant, TenantLimits())).requests

    assert stream.text.count("\nid: ") == 6
    assert after - before == 2


async def test_a_tenant_has_no_more_jobs_under_way_than_it_may(gateway: Gateway) -> None:
    before = gateway.specs
    await limit(gateway, open_jobs=2)
    answers = await asyncio.gather(*(gateway.http.post("/v1/jobs", json=SPEC) for _ in range(6)))
    taken = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json()["type"] for answer in answers if answer.status_code == 403]
    await gateway.send(finished(taken[0], 1))
    await gateway.until(taken[0], JobState.SUCCEEDED)
    place = await gateway.http.post("/v1/jobs", json=SPEC)

    assert (len(taken), len(refused)) == (2, 4)
    assert gateway.specs - before == {*taken, place.json()["id"]}
    assert set(refused) == {"urn:graftwork:problem:too_many_open_jobs"}
    assert place.status_code == 202


async def test_a_preview_counts_as_a_job_under_way(gateway: Gateway) -> None:
    before = gateway.specs
    tenant = await limit(gateway, open_jobs=1)
    asking = asyncio.create_task(gateway.http.post("/v1/jobs:preview", json=SPEC))

    async def opened() -> str:
        mine = await gateway.door.ledger.read.find(JOBS, {"preview_for": tenant})
        assert len(mine) == 1
        return str(mine[0]["_id"])

    job_id = await assert_eventually(opened, timeout_seconds=20)
    refused = [await gateway.http.post(path, json=SPEC) for path in ("/v1/jobs", "/v1/jobs:preview")]
    specs = gateway.specs
    await gateway.send(finished(job_id, 1, JobState.FAILED))
    await asking
    place = await gateway.http.post("/v1/jobs", json=SPEC)
    told = [answer.json()["type"] for answer in refused]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert specs - before == {job_id}
    assert told == ["urn:graftwork:problem:too_many_open_jobs"] * 2
    assert place.status_code == 202


async def test_a_job_with_more_rows_than_allowed_is_refused_and_leaves_nothing(gateway: Gateway) -> None:
    await limit(gateway, rows_per_job=3)
    refused = await gateway.http.post("/v1/jobs", json={**SPEC, "count": 4})
    listed = (await gateway.http.get("/v1/jobs")).json()["items"]
    taken = await gateway.http.post("/v1/jobs", json={**SPEC, "count": 3})

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:graftwork:problem:too_many_rows")
    assert [error["path"] for error in refused.json()["errors"]] == ["count"]
    assert (listed, taken.status_code) == ([], 202)


async def test_an_answer_given_before_is_given_again_under_narrower_limits(gateway: Gateway) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await gateway.http.post("/v1/jobs", json=SPEC, headers=headers)
    await limit(gateway, open_jobs=1, rows_per_job=1)
    again = await gateway.http.post("/v1/jobs", json=SPEC, headers=headers)

    assert again.status_code == 202
    assert again.content == first.content
