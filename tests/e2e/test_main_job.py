"""From a paragraph to a published dataset, through REST, over all services as processes."""

import io
import json
import zipfile
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.usage import Usage
from tests.support.journals import added_up
from tests.support.journals import recorded_calls
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.platforms import watched_until
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Planned
from tests.support.scripted_model.script import Quality
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

TASK = "explanations of fractions for struggling third-graders, with examples from the kitchen"


def a_spec(**more: Any) -> JobSpec:
    search = {"iterations": 3, "evaluation_samples": 4, "patience": 20, "finalists": 2, **more.pop("search", {})}
    return JobSpec.model_validate({"name": "fractions", "task": TASK, "count": 6, "search": search, **more})


def adds_up(snapshot: JobSnapshot) -> bool:
    made = snapshot.production
    ended = made.accepted + made.surplus + sum(made.rejected.values()) + sum(made.failed.values())
    return made.attempted == ended


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


def unpacked(archive: bytes) -> tuple[list[dict[str, Any]], str]:
    """Rows of all shards, and the card."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        shards = sorted(name for name in files.namelist() if name.endswith(".parquet"))
        rows = [row for name in shards for row in pq.read_table(io.BytesIO(files.read(name))).to_pylist()]
        [card] = [name for name in files.namelist() if name.endswith("README.md")]
        return rows, files.read(card).decode()


async def test_a_search_raises_the_reward_converges_and_publishes_exactly_what_was_asked(
    platform: RunningPlatform,
) -> None:
    await platform.model.replace(Script(seed=7, quality=Quality(good_share=0.9, gain=(0.6, 0.8))))
    headers = {"Authorization": f"Bearer {platform.key}"}
    body = a_spec(count=23, search={"iterations": 12, "evaluation_samples": 5, "patience": 3}).model_dump(mode="json")
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=60) as http:
        created = await http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once"})
        again = await http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once"})
        job = created.json()["id"]
        async with platform.client() as client:
            events = await watched(client, job)
        tree = (await http.get(f"/v1/jobs/{job}/tree")).json()["nodes"]
        end = events[-1].snapshot
        shown = (await http.get(f"/v1/jobs/{job}/nodes/{tree[0]['node_id']}")).json()
        dataset = (await http.get(f"/v1/datasets/{end.dataset_id}")).json()
        archive = await http.get(f"/v1/datasets/{end.dataset_id}/download")

    assert created.status_code == 202
    assert again.json()["id"] == job
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert (end.state, end.reason) == (JobState.SUCCEEDED, "completed")

    assert set(shown["workflow_scores"]["code"]) == {"clarity", "efficiency", "robustness"}
    assert len(shown["scores"]) == shown["samples_total"] == 5
    root, best = tree[0], max(tree, key=lambda node: node["reward"] or 0)
    assert best["reward"] > root["reward"] + 0.5
    said = [event.message for event in events if event.what == "search.finished"]
    assert said[0].startswith("converged")
    for node in tree:
        if node["state"] == NodeState.SCORED:
            assert node["reward"] == pytest.approx((node["score_sample"] + node["score_workflow"]) / 2)

    assert dataset["complete"] is True
    assert end.production.accepted == dataset["rows"] == 23
    assert adds_up(end)
    assert end.spent.total.calls == Usage.total(end.spent.by_purpose.values()).calls
    stats = await platform.model.stats()
    assert end.spent.total.calls == stats["answered"]

    recorded = await recorded_calls(platform.mongo, platform.namespace, job)
    assert added_up(recorded, lambda call: call.pool) == end.spent.by_pool
    assert added_up(recorded, lambda call: call.purpose.value) == end.spent.by_purpose
    assert all(call.answer["model"] and len(call.answer["revision"]) == 64 for call in recorded)
    assert all(len(call.answer["prompt_sha256"]) == 64 for call in recorded if "texts" in call.answer)

    rows, card = unpacked(archive.content)
    assert len(rows) == 23
    assert len({row["completion"] for row in rows}) == 23
    assert all(row["prompt"] and row["graftwork"]["job_id"] == job for row in rows)
    assert card.startswith("---")


async def test_a_job_cancelled_mid_search_keeps_its_best_workflow(platform: RunningPlatform) -> None:
    await platform.model.change({"behaviour": {"latency_ms": 100}})
    async with platform.client() as client:
        job = await client.submit(a_spec(search={"iterations": 30}))
        scored = await watched_until(client, job.id, "node.scored")
        await client.cancel(job.id)
        end = (await watched(client, job.id))[-1].snapshot
        assert scored.node is not None
        best = await client.node(job.id, str(end.best_node_id))
        tree = await client.tree(job.id)

    assert all(node.state.ended for node in tree.nodes)
    assert end.state is JobState.CANCELLED
    assert (end.best_reward or 0) >= (scored.node.reward or 5)
    assert best.workflow is not None
    assert "async def workflow" in best.workflow.code
    assert end.dataset_id is None


async def test_a_budget_that_runs_out_mid_search_leaves_the_best_workflow_and_is_never_overdrawn(
    platform: RunningPlatform,
) -> None:
    async with platform.client() as client:
        job = await client.submit(a_spec(count=60, budget={"calls": 80}, search={"iterations": 30}))
        events = await watched(client, job.id)
        end = events[-1].snapshot
        best = await client.node(job.id, str(end.best_node_id))
        dataset = await client.dataset(end.dataset_id) if end.dataset_id else None
        tree = await client.tree(job.id)

    assert all(node.state.ended for node in tree.nodes)
    searched = [use.calls for purpose, use in end.spent.by_purpose.items() if purpose != "production"]
    assert end.state is JobState.FAILED
    assert str(end.reason).startswith("budget_exhausted")
    assert end.best_node_id is not None
    assert end.iteration < 30
    assert sum(searched) <= 40
    assert end.spent.total.calls == (await platform.model.stats())["answered"] <= 80
    assert adds_up(end)
    assert best.workflow is not None
    assert (dataset is None) == (end.production.accepted == 0)
    assert dataset is None or not dataset.complete


async def test_a_misbehaving_model_costs_nodes_but_not_the_job(platform: RunningPlatform) -> None:
    faults = dict.fromkeys((Fault.OVERLOADED, Fault.SERVER_ERROR, Fault.MALFORMED, Fault.HTML), 0.06)
    await platform.model.change({"behaviour": {"rates": {**faults, "straggler": 0.03}, "straggler_ms": 700}})
    async with platform.client() as client:
        job = await client.submit(a_spec(search={"iterations": 4}))
        end = (await watched(client, job.id))[-1].snapshot

    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 6)
    assert adds_up(end)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault.MALFORMED, NodeState.INVALID),
        (Fault.TRUNCATED, NodeState.INVALID),
        (Fault.EMPTY, NodeState.INVALID),
        (Fault.PROSE, NodeState.INVALID),
        (Fault.CODE_DOES_NOT_PARSE, NodeState.INVALID),
        (Fault.CODE_CRASHES, NodeState.CRASHED),
        (Fault.CODE_LOOPS, NodeState.CRASHED),
        (Fault.CODE_YIELDS, NodeState.CRASHED),
        (Fault.CODE_IS_CANNED, NodeState.CRASHED),
        (Fault.CODE_RETURNS_WRONG_SHAPE, NodeState.CRASHED),
    ],
)
async def test_a_refinement_that_stays_bad_is_a_node_with_a_reason(
    platform: RunningPlatform, fault: Fault, state: NodeState
) -> None:
    await platform.model.fail_next(Planned(role="refine_workflow", fault=fault, count=3))
    async with platform.client() as client:
        job = await client.submit(a_spec(search={"iterations": 1}))
        end = (await watched(client, job.id))[-1].snapshot
        tree = await client.tree(job.id)

    refined = tree.nodes[1]
    assert refined.state is state
    assert refined.error
    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 6)


@pytest.mark.parametrize(
    ("fault", "role"),
    [(Fault.OUT_OF_RANGE, "score_sample"), (Fault.MALFORMED, "judge_workflow"), (Fault.EMPTY, "propose_metrics")],
)
async def test_a_judge_that_has_to_be_asked_again_is_asked_again(
    platform: RunningPlatform, fault: Fault, role: str
) -> None:
    await platform.model.fail_next(Planned(role=role, fault=fault, count=2))
    async with platform.client() as client:
        job = await client.submit(a_spec(search={"iterations": 1}))
        end = (await watched(client, job.id))[-1].snapshot

    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 6)
    assert end.spent.total.calls == (await platform.model.stats())["answered"]


async def test_a_crashed_first_workflow_is_repaired_with_its_trace(platform: RunningPlatform) -> None:
    await platform.model.fail_next(Planned(role="init_workflow", fault=Fault.CODE_CRASHES))
    async with platform.client() as client:
        job = await client.submit(a_spec(search={"iterations": 1}))
        events = await watched(client, job.id)
    repairs = await platform.model.requests("repair_workflow")

    assert events[-1].snapshot.state is JobState.SUCCEEDED
    assert len(repairs) == 1
    assert "Error" in json.dumps(repairs[0]["messages"])


async def test_a_user_s_own_workflow_is_the_root_and_prompts_alone_change(platform: RunningPlatform) -> None:
    code = 'async def workflow(ctx, seed):\n    text = await ctx.llm("tell", topic=seed["topic"])\n'
    code += '    return {"prompt": "Explain " + seed["topic"], "completion": text}\n'
    initial = {"prompts": {"tell": "Explain {{ topic }} to a child."}, "code": code}
    spec = a_spec(
        search={"iterations": 2, "scope": "prompts", "initial": initial},
        facets={"topic": [f"topic {i}" for i in range(40)]},
    )
    async with platform.client() as client:
        job = await client.submit(spec)
        end = (await watched(client, job.id))[-1].snapshot
        tree = await client.tree(job.id)
        codes = [(await client.node(job.id, node.node_id)).workflow for node in tree.nodes]
    calls = (await platform.model.stats())["roles"]

    assert end.state is JobState.SUCCEEDED
    assert {workflow.code for workflow in codes if workflow is not None} == {code}
    assert "init_workflow" not in calls
    assert "propose_seeds" not in calls
