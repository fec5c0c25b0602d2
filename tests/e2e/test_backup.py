"""A platform that loses its MongoDB in the middle of a job goes on from its backup."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from tests.support.command import Up
from tests.support.command import graftwork
from tests.support.platforms import watched
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SPEC = JobSpec.model_validate(
    {
        "name": "fractions",
        "task": "Short word problems about fractions for children, each with its answer.",
        "count": 5,
        "search": {"iterations": 4, "evaluation_samples": 3, "anchor": False},
    }
)
SLOW = Script(seed=7, behaviour=Behaviour(latency_ms=700))


def databases(mongo: str, namespace: str) -> list[str]:
    with MongoClient[dict[str, Any]](mongo) as client:
        return sorted(name for name in client.list_database_names() if name.startswith(f"{namespace}_"))


def lose_databases(mongo: str, namespace: str) -> None:
    with MongoClient[dict[str, Any]](mongo) as client:
        for name in databases(mongo, namespace):
            client.drop_database(name)


async def scored(client: AsyncGraftwork, job_id: str, count: int) -> None:
    """Return once so many workflows were."""
    nodes = set()
    async for event in client.watch(job_id):
        if event.what == "node.scored" and event.node is not None:
            nodes.add(event.node.node_id)
        if len(nodes) == count:
            return
    raise AssertionError(f"the job ended with {len(nodes)} workflows scored")


async def test_a_job_goes_on_from_a_backup_to_all_of_its_rows(
    tmp_path: Path, kafka_address: str, mongo_address: str
) -> None:
    home, backups, namespace = tmp_path / "home", str(tmp_path / "backups"), f"b{secrets.token_hex(4)}"
    async with ScriptedModel.started(SLOW) as model:
        given = {
            "GRAFTWORK_KAFKA": kafka_address,
            "GRAFTWORK_MONGO": mongo_address,
            "GRAFTWORK_NAMESPACE": namespace,
            "GRAFTWORK_BLOBS": (home / "blobs").as_uri(),
            "OPENAI_BASE_URL": model.base_url,
        }
        async with Up.started(home, **given) as up, AsyncGraftwork(up.url, up.key) as client:
            job = await client.submit(SPEC)
            await scored(client, job.id, 1)
            made = await graftwork(home, "admin", "backup", "create", backups, **given)
            refused = await graftwork(home, "admin", "backup", "restore", backups, "--force", "--yes", **given)
            await scored(client, job.id, 3)
        shown = await graftwork(home, "admin", "backup", "show", backups, "--verify", "--json", **given)
        lost = databases(mongo_address, namespace)
        lose_databases(mongo_address, namespace)
        done = await graftwork(home, "admin", "backup", "restore", backups, **given)
        listed = await graftwork(home, "admin", "backup", "list", backups, **given)
        await model.replace(Script(seed=7))
        async with Up.started(home, **given) as up, AsyncGraftwork(up.url, up.key) as client:
            events = await watched(client, job.id)
            ended = await client.get(job.id)
            dataset = await client.dataset(str(ended.dataset_id))

    assert made.status == 0, made
    assert (refused.status, "services run that would write beside the restore" in refused.stderr) == (1, True)
    assert {name.removeprefix(f"{namespace}_") for name in lost} == set(json.loads(shown.stdout)["ledgers"])
    assert (done.status, done.stdout) == (0, f"Restored {made.stdout.strip()}: start the services\n"), done
    assert listed.stdout.splitlines()[1].split()[0] == made.stdout.strip()
    assert [event.what for event in events][-1] == "job.finished"
    assert len({event.version for event in events}) == len(events)
    assert ended.state == JobState.SUCCEEDED
    assert (dataset.rows, dataset.complete) == (5, True)
