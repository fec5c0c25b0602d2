"""A job file that brings its workflow and its seeds as files, and names an embedder: by ``graftwork run``."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support.command import graftwork
from tests.support.platforms import RunningPlatform
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(300)]

JOB = """\
name: kitchen
task: Explain one kitchen word to a child, in plain words and with one example.
count: 4
seeds: {file: words.csv}
facets: {age: [six, eight]}
search:
  iterations: 1
  evaluation_samples: 3
  scope: prompts
  initial: {files: {prompts: prompts/, code: workflow.py}}
models:
  embedder: {pool: generator}
"""
WORDS = "word\nknead\nsimmer\nwhisk\nbake\npeel\ngrate\nstir\nchop\n"
CODE = """\
async def workflow(ctx, seed):
    told = await ctx.llm("tell", word=seed["word"], age=seed["age"])
    return {"prompt": "What does " + seed["word"] + " mean?", "completion": told}
"""


@pytest.fixture
def job_file(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "tell.txt").write_text("Explain {{ word }} to a child of {{ age }}.\n")
    (tmp_path / "workflow.py").write_text(CODE)
    (tmp_path / "words.csv").write_text(WORDS)
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path / "job.yaml"


def rows_in(dataset: Path) -> list[dict[str, Any]]:
    return [row for shard in dataset.glob("data/*.parquet") for row in pq.read_table(shard).to_pylist()]


async def test_a_workflow_from_files_is_the_root_and_metrics_agree_by_embedding(
    platform: RunningPlatform, job_file: Path, tmp_path: Path
) -> None:
    await platform.model.replace(Script(seed=7))
    await platform.model.reset()
    given = {"GRAFTWORK_URL": platform.url, "GRAFTWORK_API_KEY": platform.key}

    ended = await graftwork(tmp_path / "home", "run", str(job_file), "--json", "-o", str(tmp_path / "out"), **given)

    assert ended.status == 0, ended.stderr
    result = next(r for r in map(json.loads, ended.stdout.splitlines()) if r["what"] == "result")
    rows = rows_in(Path(result["path"]))
    calls = (await platform.model.stats())["roles"]
    async with platform.client() as client:
        tree = await client.tree(result["job"]["id"])
        root = await client.node(result["job"]["id"], tree.nodes[0].node_id)
    assert root.workflow is not None
    assert root.workflow.code == CODE
    assert len({row["prompt"] for row in rows}) >= 2
    assert all(row["prompt"].startswith("What does ") for row in rows)
    assert "init_workflow" not in calls
    assert "embeddings" in calls
