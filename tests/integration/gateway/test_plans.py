"""Before a job: its estimate, and a preview that leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobDeleted
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork_gateway.documents import JOBS
from tests.support.doors import SPEC
from tests.support.doors import Gateway
from tests.support.doors import gateway_settings
from tests.support.doors import open_gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKFLOW = Workflow(prompts={"draft": "Explain {topic}."}, code="async def workflow(ctx, seed):\n    return {}\n")
SPENT = SpendReport(total=Usage(calls=9, prompt_tokens=90, completion_tokens=9))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient_gateway(
    kafka_address: str, mongo_address: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway whose previews get no time at all."""
    home = tmp_path_factory.mktemp("impatient")
    async with open_gateway(gateway_settings(kafka_address, mongo_address, home, preview_seconds=0.05)) as opened:
        yield opened


def rows(*outputs: dict[str, Any] | None) -> list[SampleRow]:
    return [
        SampleRow(
            sample_id=f"s{index}",
            seed_index=index,
            seed={"topic": "halves"},
            output=output,
            reason=None if output else "crashed",
            detail=None if output else "KeyError: 'topic'",
        )
        for index, output in enumerate(outputs)
    ]


async def next_submission(gateway: Gateway, known: int) -> JobSubmitted:
    """The submission behind the ``known`` first ones."""
    return (await gateway.bus.wait_for(JobSubmitted, known + 1))[known]


async def previewed(gateway: Gateway, samples: list[SampleRow], **spec: Any) -> tuple[httpx.Response, JobSubmitted]:
    """What a preview answers when search makes these samples."""
    blobs = gateway.door.blobs
    await gateway.bus.listen()
    known = len(gateway.bus.all(JobSubmitted))
    asking = asyncio.create_task(gateway.http.post("/v1/jobs:preview", params={"rows": 2}, json={**SPEC, **spec}))
    told = await next_submission(gateway, known)
    root = node(
        told.job_id,
        0,
        workflow=await blobs.put_json(WORKFLOW, f"{told.job_id}/workflows"),
        samples=await blobs.put_rows(samples, f"{told.job_id}/samples"),
    )
    state = JobState.SUCCEEDED if any(row.ok for row in samples) else JobState.FAILED
    # The end may overtake the rest.
    await gateway.send(finished(told.job_id, 2, state, spent=SPENT, reason="previewed"))
    await gateway.send(advanced(told.job_id, 1, node=root))
    return await asking, told


async def test_a_preview_shows_the_first_workflows_rows(gateway: Gateway) -> None:
    samples = rows({"prompt": "p"}, None)
    answer, _ = await previewed(gateway, samples)
    view = PreviewView.model_validate_json(answer.content)

    assert answer.status_code == 200
    assert view == PreviewView(workflow=WORKFLOW, samples=tuple(samples), spent=SPENT)


async def test_search_is_asked_for_a_small_job_that_nobody_reviews(gateway: Gateway) -> None:
    _, told = await previewed(gateway, rows({"prompt": "p"}), count=500, review="human")
    [submitted] = [one for one in gateway.bus.all(JobSubmitted) if one.job_id == told.job_id]

    assert submitted.preview
    assert submitted.tenant.startswith("tenant-")


async def test_a_preview_without_a_good_row_says_why(gateway: Gateway) -> None:
    answer, _ = await previewed(gateway, rows(None, None))

    assert answer.json()["problem"] == "crashed: KeyError: 'topic'"


async def test_nothing_of_a_preview_is_kept_or_listed(gateway: Gateway) -> None:
    _, told = await previewed(gateway, rows({"prompt": "p"}))
    [deleted] = await gateway.heard(JobDeleted, told.job_id)
    root = Path(gateway.door.settings.blobs.removeprefix("file://"))

    async def emptied() -> None:
        assert not [path for path in (root / told.job_id).rglob("*") if path.is_file()]

    await assert_eventually(emptied, timeout_seconds=20)
    assert deleted.tenant == told.tenant
    assert (await gateway.http.get("/v1/jobs")).json()["items"] == []
    assert (await gateway.http.get(f"/v1/jobs/{told.job_id}")).status_code == 404


async def test_a_running_preview_is_nobodys_job(gateway: Gateway) -> None:
    await gateway.bus.listen()
    known = len(gateway.bus.all(JobSubmitted))
    asking = asyncio.create_task(gateway.http.post("/v1/jobs:preview", json=SPEC))
    told = await next_submission(gateway, known)
    spec = await gateway.door.blobs.get_model(told.spec, JobSpec)
    paths = ["/v1/jobs", f"/v1/jobs/{told.job_id}", f"/v1/jobs/{told.job_id}/tree"]
    listed, shown, tree = [await gateway.http.get(path) for path in paths]
    await gateway.send(finished(told.job_id, 1, JobState.FAILED, reason="no_runnable_workflow"))
    answer = await asking

    assert (spec.search.evaluation_samples, spec.search.iterations, spec.count) == (10, 0, 3)
    assert spec.review.mode is ReviewMode.AUTO
    assert (listed.json()["items"], shown.status_code, tree.status_code) == ([], 404, 404)
    assert answer.json()["problem"] == "no_runnable_workflow"


async def test_a_preview_that_takes_too_long_is_given_up_and_deleted_all_the_same(impatient_gateway: Gateway) -> None:
    gateway = impatient_gateway
    answer = await gateway.http.post("/v1/jobs:preview", json=SPEC)
    told = await next_submission(gateway, 0)
    [stop] = await gateway.heard(JobCancellationRequested, told.job_id)
    await gateway.send(advanced(told.job_id, 1), finished(told.job_id, 2, JobState.CANCELLED))
    [deleted] = await gateway.heard(JobDeleted, told.job_id)
    found = await gateway.door.ledger.read.find(JOBS, {"_id": told.job_id})

    assert (answer.status_code, answer.json()["type"]) == (504, "urn:graftwork:problem:preview_timed_out")
    assert (stop.reason, deleted.tenant) == ("the preview was given up", told.tenant)
    assert [set(row) for row in found] == [{"_id", "deleted_at"}]


async def test_a_preview_whose_client_leaves_is_ended_at_once(gateway: Gateway) -> None:
    await gateway.bus.listen()
    known = len(gateway.bus.all(JobSubmitted))
    asking = asyncio.create_task(gateway.http.post("/v1/jobs:preview", json=SPEC))
    told = await next_submission(gateway, known)
    asking.cancel()
    [stop] = await gateway.heard(JobCancellationRequested, told.job_id)
    await gateway.send(finished(told.job_id, 1, JobState.CANCELLED))
    [deleted] = await gateway.heard(JobDeleted, told.job_id)

    assert (stop.reason, deleted.tenant) == ("the preview was given up", told.tenant)
    assert gateway.door.watchers.jobs == ()


@pytest.mark.parametrize("amount", ["0", "21", "x"])
async def test_a_preview_has_at_most_twenty_rows(gateway: Gateway, amount: str) -> None:
    answer = await gateway.http.post("/v1/jobs:preview", params={"rows": amount}, json=SPEC)

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["query.rows"]


async def test_a_valid_job_is_estimated_and_not_taken(gateway: Gateway) -> None:
    models = {role: {"pool": "priced"} for role in ("optimizer", "evaluator", "generator")}
    answer = await gateway.http.post("/v1/jobs:validate", json={**SPEC, "models": models, "budget": {"calls": 10}})
    view = ValidationView.model_validate_json(answer.content)

    assert answer.status_code == 200
    assert view.valid
    assert view.estimate.expected.cost_usd is not None
    assert view.estimate.at_most is not None
    assert (view.estimate.at_most.calls, view.estimate.at_most.tokens) == (10, 81_920)
    assert any("budget.calls" in warning for warning in view.warnings)
    assert any("same model" in warning for warning in view.warnings)
    assert (await gateway.http.get("/v1/jobs")).json()["items"] == []


@pytest.mark.parametrize("path", ["/v1/jobs:validate", "/v1/jobs:preview"])
async def test_a_job_with_mistakes_is_told_all_of_them(gateway: Gateway, path: str) -> None:
    schema = await gateway.http.post(path, json={**SPEC, "count": 0, "more": 1})
    models = await gateway.http.post(path, json={**SPEC, "models": {"judge": {"pool": "nowhere"}}})

    assert sorted(error["path"] for error in schema.json()["errors"]) == ["count", "more"]
    assert [error["path"] for error in models.json()["errors"]] == ["models.judge.pool"]
