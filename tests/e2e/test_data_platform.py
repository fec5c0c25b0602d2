"""A data platform beside ours: datasets on a real S3 server, announced on Kafka, loaded without asking the API."""

import asyncio
import os
import secrets
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from tests.support.command import Up
from tests.support.command import environment
from tests.support.platforms import watched
from tests.support.s3 import BUCKET
from tests.support.s3 import credentials
from tests.support.scripted_model.child import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

CONSUMER = Path(__file__).parents[2] / "examples" / "consumer.py"
SPEC = JobSpec.model_validate(
    {
        "task": "Short explanations of fractions for children, each with one example.",
        "count": 3,
        "search": {"iterations": 1, "evaluation_samples": 2},
    }
)


async def test_a_consumer_of_thirty_lines_loads_what_a_job_over_s3_has_published(
    tmp_path: Path, kafka_address: str, mongo_address: str, s3_address: str
) -> None:
    namespace = f"s3{secrets.token_hex(4)}"
    store = credentials(s3_address)
    given = {"GRAFTWORK_KAFKA": kafka_address, "GRAFTWORK_NAMESPACE": namespace, **store}
    async with ScriptedModel.started() as model:
        services = {
            **given,
            "GRAFTWORK_MONGO": mongo_address,
            "GRAFTWORK_BLOBS": f"s3://{BUCKET}/{namespace}",
            "OPENAI_BASE_URL": model.base_url,
        }
        async with Up.started(tmp_path, **services) as up, AsyncGraftwork(up.url, up.key) as client:
            job = await client.submit(SPEC)
            end = (await watched(client, job.id))[-1].snapshot
            await client.download(str(end.dataset_id), tmp_path / "download")

    consumer = await asyncio.create_subprocess_exec(
        sys.executable, str(CONSUMER), env={**environment(tmp_path, given), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert consumer.stdout is not None
        line = (await consumer.stdout.readline()).decode()
    finally:
        consumer.terminate()
        await consumer.wait()

    assert line == f"{end.dataset_id} 3 ['prompt', 'completion', 'graftwork']\n"
    assert pq.read_table(tmp_path / "download" / "data").num_rows == 3
    assert not (tmp_path / "blobs").exists()
