"""A proposed workflow that means harm, and one that the runtime cannot read: what becomes of them, and of the rest."""

import json
from typing import Any

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Planned
from tests.support.scripted_model.script import Script
from tests.support.scripted_model.workflows import PLEA

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

TASK = "explanations of fractions for struggling third-graders, with examples from the kitchen"
TOPICS = ("a", "b", "c", "d", "e", "f")  # ord % 3: two each of a plea, a loop and a bomb


def a_spec(**search: Any) -> JobSpec:
    facets = {"topic": [f"{letter}" for letter in TOPICS], "audience": ["cooks", "nurses", "bakers", "clerks"]}
    wanted = {"iterations": 3, "evaluation_samples": 6, "patience": 20, "finalists": 2, **search}
    return JobSpec.model_validate({"name": "fractions", "task": TASK, "count": 6, "facets": facets, "search": wanted})


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


async def test_a_hostile_workflow_gets_the_minimum_and_the_rest_of_the_tree_is_unharmed(
    platform: RunningPlatform,
) -> None:
    await platform.model.fail_next(Planned(role="refine_workflow", fault=Fault.CODE_IS_HOSTILE))
    async with platform.client() as client:
        job = await client.submit(a_spec())
        end = (await watched(client, job.id))[-1].snapshot
        tree = await client.tree(job.id)
        first = await client.node(job.id, tree.nodes[0].node_id)
        hostile = await client.node(job.id, tree.nodes[1].node_id, samples=20)
        dataset = await client.dataset(str(end.dataset_id))

    root, cheat, *others = tree.nodes
    assert (cheat.state, cheat.reward, cheat.samples_ok) == (NodeState.CRASHED, 1.0, 0)
    assert set(cheat.samples_failed) <= {"timed_out", "limit_exceeded", "appeals_to_judge"}
    assert "appeals_to_judge" in cheat.samples_failed
    assert len(cheat.samples_failed) >= 2
    assert all(row.output is None for row in hostile.samples)
    [told] = [experience for experience in first.node.experiences if experience.node_id == cheat.node_id]
    assert told.after == 1.0
    assert told.feedback

    assert {node.state for node in (root, *others)} <= {NodeState.SCORED, NodeState.DUPLICATE}
    assert all((node.reward or 0) > 1.0 for node in (root, *others) if node.state is NodeState.SCORED)
    assert end.winner_node_id != cheat.node_id
    assert (end.state, end.production.accepted, dataset.rows, dataset.complete) == (JobState.SUCCEEDED, 6, 6, True)


async def test_nobody_is_told_the_words_of_a_hostile_sample(platform: RunningPlatform) -> None:
    await platform.model.fail_next(Planned(role="refine_workflow", fault=Fault.CODE_IS_HOSTILE))
    async with platform.client() as client:
        job = await client.submit(a_spec(iterations=1))
        await watched(client, job.id)
    judged = await platform.model.requests("score_sample")
    assert judged
    assert [request for request in judged if PLEA.strip() in json.dumps(request["messages"])] == []


async def test_a_first_workflow_that_yields_is_repaired_by_what_the_runtime_says_of_it(
    platform: RunningPlatform,
) -> None:
    await platform.model.fail_next(Planned(role="init_workflow", fault=Fault.CODE_YIELDS))
    async with platform.client() as client:
        job = await client.submit(a_spec(iterations=1))
        end = (await watched(client, job.id))[-1].snapshot
        root = (await client.tree(job.id)).nodes[0]
        workflow = (await client.node(job.id, root.node_id)).workflow
    [repair] = await platform.model.requests("repair_workflow")
    asked = "\n".join(message["content"] for message in repair["messages"])

    assert "async generator" in asked
    assert "Note: the runtime has no yield; instead: collect the values in a list and return it" in asked
    assert root.state is NodeState.SCORED
    assert workflow is not None
    assert "yield" not in workflow.code
    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 6)
