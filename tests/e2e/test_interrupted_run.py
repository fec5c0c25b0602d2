"""``graftwork run`` on a machine where nothing runs yet: interrupted, and run again."""

import asyncio
import json
import secrets
import signal
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from tests.support.command import COMMAND
from tests.support.command import Ended
from tests.support.command import assert_all_gone
from tests.support.command import environment
from tests.support.command import graftwork
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

JOB = """\
name: fractions
task: Write short word problems about fractions for children, each with its answer.
count: 5
search: {iterations: 2, evaluation_samples: 3}
"""
SLOW = Script(seed=7, behaviour=Behaviour(latency_ms=1500))


async def interrupted(
    home: Path, arguments: tuple[str, ...], given: dict[str, str]
) -> tuple[int, list[dict[str, Any]]]:
    """Run a command until the job's first node was scored, then press Ctrl-C; return its status and records."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environment(home, given), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    records, family = [], {}
    async for line in process.stdout:
        records.append(json.loads(line))
        if records[-1].get("event", {}).get("what") == "node.scored":
            parent = psutil.Process(process.pid)
            family = {each.pid: each.name() for each in [parent, *parent.children(recursive=True)]}
            process.send_signal(signal.SIGINT)
            break
    rest, _ = await process.communicate()
    assert process.returncode is not None
    assert_all_gone(family)
    return process.returncode, records + [json.loads(line) for line in rest.splitlines()]


def result_of(ended: Ended) -> dict[str, Any]:
    records: list[dict[str, Any]] = [json.loads(line) for line in ended.stdout.splitlines()]
    assert records[-3]["what"] == "result", ended
    return records[-3]


def rows_in(dataset: Path) -> int:
    return sum(pq.read_table(shard).num_rows for shard in dataset.glob("data/*.parquet"))


async def test_a_run_that_was_interrupted_goes_on_to_its_dataset_when_it_is_run_again(
    tmp_path: Path, kafka_address: str, mongo_address: str
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB)
    run = ("run", str(job), "--json", "-o", str(tmp_path / "datasets"))
    async with ScriptedModel.started(SLOW) as model:
        given = {
            "GRAFTWORK_KAFKA": kafka_address,
            "GRAFTWORK_MONGO": mongo_address,
            "GRAFTWORK_NAMESPACE": f"i{secrets.token_hex(4)}",
            "OPENAI_BASE_URL": model.base_url,
        }
        status, first = await interrupted(tmp_path / "home", run, given)
        await model.replace(Script(seed=7))
        second = await graftwork(tmp_path / "home", *run, **given)

    said = [record["message"] for record in first if record["what"] == "step"]
    assert status == 130
    assert said[-3].endswith("is not finished: the same command goes on with it")
    assert second.status == 0
    result = result_of(second)
    submitted = next(record["event"]["snapshot"]["job_id"] for record in first if record["what"] == "event")
    assert result["job"]["id"] == submitted
    assert result["job"]["state"] == "succeeded"
    assert rows_in(Path(result["path"])) == 5
