"""Ten thousand jobs of one tenant: every page is as quick as the first, and every job is listed once."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from graftwork_gateway.cursors import Cursor
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.keys import caller_of
from tests.support.doors import SPEC
from tests.support.doors import Gateway
from tests.support.search_told import BLOB

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = 10_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 100
AT_ONCE = 7
"""Jobs of the same millisecond: their ids alone tell them apart, and pages end among them."""


def job(tenant: str, number: int) -> dict[str, Any]:
    created_at = BEGAN + timedelta(milliseconds=number // AT_ONCE)
    told = {**SPEC, "id": f"job-{tenant}-{number:05}", "tenant": tenant, "spec": BLOB, "strategy": "autosynth"}
    row = JobRow.model_validate({**told, "created_at": created_at})
    return {"_id": row.id, **row.submission(), "ended_at": created_at}


async def test_every_job_is_listed_once_while_new_ones_arrive(gateway: Gateway) -> None:
    ledger = gateway.door.ledger
    tenant = (await caller_of(ledger.read, gateway.http.headers)).tenant
    await ledger.insert_unordered(JOBS, [job(tenant, number) for number in range(COUNT)])
    listed: list[str] = []
    parameters = {"limit": str(PAGE)}
    while True:
        page = (await gateway.http.get("/v1/jobs", params=parameters)).json()
        listed += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
        if len(listed) % (10 * PAGE) == 0:
            await gateway.submit()

    assert listed == [f"job-{tenant}-{number:05}" for number in reversed(range(COUNT))]


async def test_a_page_far_back_reads_no_more_than_the_first(gateway: Gateway) -> None:
    ledger = gateway.door.ledger
    tenant = (await caller_of(ledger.read, gateway.http.headers)).tenant
    rows = [job(tenant, number) for number in range(COUNT)]
    await ledger.insert_unordered(JOBS, rows)
    far_back = Cursor(at=rows[50]["created_at"], id=rows[50]["_id"])
    found = ledger.database[JOBS].find({"tenant": tenant, **far_back.older_by("created_at")})
    told = await found.sort([("created_at", -1), ("_id", -1)]).limit(PAGE + 1).explain()

    assert "SORT" not in stages(told["queryPlanner"]["winningPlan"])
    assert told["executionStats"]["nReturned"] == 50
    assert told["executionStats"]["totalKeysExamined"] <= 2 * PAGE
    assert told["executionStats"]["totalDocsExamined"] <= 2 * PAGE


def stages(plan: Any) -> list[str]:
    """Names of all stages of a plan."""
    if isinstance(plan, list):
        return [name for part in plan for name in stages(part)]
    if not isinstance(plan, dict):
        return []
    return [*([plan["stage"]] if "stage" in plan else []), *(name for part in plan.values() for name in stages(part))]
