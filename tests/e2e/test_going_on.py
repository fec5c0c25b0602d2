"""Jobs that go on after their end: more rows, another try; and jobs that are gone for good."""

import io
import zipfile
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import JobSnapshot
from tests.support.eventually import assert_eventually
from tests.support.platforms import RunningPlatform
from tests.support.platforms import watched
from tests.support.platforms import watched_until
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

SPEC = JobSpec.model_validate(
    {
        "name": "going-on",
        "task": "Short explanations of fractions for children, each with one example.",
        "count": 4,
        "search": {"iterations": 2, "evaluation_samples": 3, "anchor": False},
    }
)


@pytest.fixture(autouse=True)
async def script_as_before(platform: RunningPlatform) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()


async def ended(client: AsyncGraftwork, job_id: str) -> JobSnapshot:
    return (await watched(client, job_id))[-1].snapshot


def rows_in(archive: bytes) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        shards = sorted(name for name in files.namelist() if name.endswith(".parquet"))
        return [row for name in shards for row in pq.read_table(io.BytesIO(files.read(name))).to_pylist()]


async def rows_of(platform: RunningPlatform, dataset_id: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {platform.key}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=60) as http:
        return rows_in((await http.get(f"/v1/datasets/{dataset_id}/download")).content)


async def test_more_rows_come_from_the_winner_without_another_search(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        job = await client.submit(SPEC)
        first = await ended(client, job.id)
        searched = (await platform.model.stats())["roles"]["refine_workflow"]["answered"]
        await client.extend(job.id, 3)
        second = await ended(client, job.id)
        tree = await client.tree(job.id)
    before = await rows_of(platform, str(first.dataset_id))
    after = await rows_of(platform, str(second.dataset_id))
    stats = await platform.model.stats()

    assert (second.state, second.production.accepted, second.run) == (JobState.SUCCEEDED, 7, 1)
    assert second.winner_node_id == first.winner_node_id
    assert second.dataset_id != first.dataset_id
    assert (len(before), len(after)) == (4, 7)
    assert [row["completion"] for row in after[:4]] == [row["completion"] for row in before]
    assert len({row["completion"] for row in after}) == 7
    assert stats["roles"]["refine_workflow"]["answered"] == searched
    assert second.spent.total.calls == stats["answered"]
    assert len(tree.nodes) == 3


async def test_a_job_that_was_cancelled_mid_search_is_tried_again_from_where_it_stopped(
    platform: RunningPlatform,
) -> None:
    await platform.model.change({"behaviour": {"latency_ms": 100}})
    async with platform.client() as client:
        job = await client.submit(SPEC.model_copy(update={"count": 5}))
        scored = await watched_until(client, job.id, "node.scored")
        await client.cancel(job.id)
        cancelled = await ended(client, job.id)
        await platform.model.change({"behaviour": {"latency_ms": 0}})
        await client.retry(job.id)
        again = await ended(client, job.id)
        tree = await client.tree(job.id)
    roles = (await platform.model.stats())["roles"]

    assert cancelled.state is JobState.CANCELLED
    assert (again.state, again.production.accepted, again.run) == (JobState.SUCCEEDED, 5, 1)
    assert scored.node is not None
    assert tree.nodes[0].node_id == scored.node.node_id
    assert tree.nodes[0].reward == scored.node.reward
    assert roles["init_workflow"]["answered"] == roles["propose_seeds"]["answered"] == 1


async def test_a_deleted_job_is_gone_with_all_it_had(platform: RunningPlatform) -> None:
    async with platform.client() as client:
        job = await client.submit(SPEC)
        end = await ended(client, job.id)
        folder = platform.home / "blobs"
        held = [*(folder / job.id).rglob("*.json*"), *(folder / "datasets" / str(end.dataset_id)).rglob("*.parquet")]
        await client.delete_job(job.id)
        headers = {"Authorization": f"Bearer {platform.key}"}
        async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=60) as http:
            answers = [
                (await http.get(f"/v1/jobs/{job.id}{part}")).status_code
                for part in ("", "/tree", "/events", "/reviews")
            ]
            answers.append((await http.get(f"/v1/datasets/{end.dataset_id}")).status_code)

        def gone() -> None:
            assert not [path for path in held if path.exists()]

        await assert_eventually(gone, timeout_seconds=30)

    assert held
    assert answers == [404] * 5
