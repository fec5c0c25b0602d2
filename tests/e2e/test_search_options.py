"""The options of a search, over all services: what one of them asks for, the others do."""

import os
import subprocess
import sys

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.usage import Usage
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

OWN = [
    {"name": "clarity", "definition": "A third-grader understands every sentence at first reading."},
    {"name": "correctness", "definition": "All that is said about fractions is true."},
]


def a_spec(**search: object) -> JobSpec:
    small = {"iterations": 4, "evaluation_samples": 3, "patience": 20, "finalists": 2}
    return JobSpec.model_validate(
        {"task": "explanations of fractions for struggling third-graders", "count": 4, "search": {**small, **search}}
    )


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


async def test_waves_softly_drawn_with_the_users_metrics_as_the_anchor(
    platform: RunningPlatform, mongo_address: str
) -> None:
    async with platform.client() as client:
        job = await client.submit(a_spec(width=2, selection="soft_mixed", own_metrics=OWN))
        end = (await watched(client, job.id))[-1].snapshot
        tree = (await client.tree(job.id)).nodes

    scored = [node for node in tree if node.state is NodeState.SCORED]
    finals = [node for node in tree if node.final_interval is not None]
    assert end.state is JobState.SUCCEEDED
    assert len(tree) == 5
    assert end.anchor_metrics is not None
    assert all(node.score_anchor is not None and node.anchor_scores is not None for node in scored)
    assert all(node.metrics != end.anchor_metrics for node in scored)
    assert all(len(node.metric_candidates) == len(node.overlaps) == 3 for node in scored)
    assert len(finals) == 2
    spent = end.spent
    for part in (spent.by_stage, spent.by_purpose, spent.by_pool):
        assert Usage.total(part.values()) == spent.total
    assert set(spent.by_purpose) == set(SpendPurpose)
    assert spent.by_purpose[SpendPurpose.METRICS].calls == 3 * len(scored)
    assert replayed(platform, mongo_address, job.id) == 0


async def test_the_users_own_metrics_alone_measure_every_sample_and_nothing_else_is_paid(
    platform: RunningPlatform, mongo_address: str
) -> None:
    async with platform.client() as client:
        job = await client.submit(a_spec(metrics="fixed", own_metrics=OWN, reward="sample"))
        end = (await watched(client, job.id))[-1].snapshot
        tree = (await client.tree(job.id)).nodes
        root = await client.node(job.id, tree[0].node_id)

    scored = [node for node in tree if node.state is NodeState.SCORED]
    assert end.state is JobState.SUCCEEDED
    assert len({node.metrics for node in scored}) == 1
    assert all(node.reward == node.score_sample for node in scored)
    assert {node.score_anchor for node in scored} == {None}
    assert [metric.name for metric in root.metrics] == ["clarity", "correctness"]
    assert SpendPurpose.METRICS not in end.spent.by_purpose
    assert "score_workflow" not in end.spent.by_stage
    assert replayed(platform, mongo_address, job.id) == 0


def replayed(platform: RunningPlatform, mongo: str, job_id: str) -> int:
    """Exit code of the replay, as an operator would run it."""
    where = {"GRAFTWORK_MONGO": mongo, "GRAFTWORK_NAMESPACE": platform.namespace}
    command = [sys.executable, "-m", "graftwork_search.replay", job_id]
    return subprocess.run(command, env={**os.environ, **where}, check=False).returncode  # noqa: S603 - our own module
