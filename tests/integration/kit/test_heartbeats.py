"""Leases that cannot be extended are counted, and a task whose ledger comes back in time knows nothing of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from prometheus_client import REGISTRY
from pymongo import uri_parser

from graftwork.kit.blobs import Blobs
from graftwork.kit.clock import SystemClock
from graftwork.kit.journal import JournalWriter
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork.kit.tasks import plain_context
from graftwork.kit.worker import TaskSpec
from graftwork.kit.worker import Worker
from tests.support.cut_line import line_to
from tests.support.eventually import assert_eventually
from tests.support.in_process import settings_for

pytestmark = pytest.mark.timeout(120)


class Wait(TaskPayload):
    """For the test to let it end."""


def failed() -> float:
    return REGISTRY.get_sample_value("graftwork_heartbeats_failed_total") or 0.0


async def test_a_heartbeat_that_does_not_reach_the_ledger_is_counted(mongo_address: str, tmp_path: Path) -> None:
    settings = settings_for(ServiceSettings, kafka="", mongo=mongo_address, home=tmp_path, lease_seconds=1.5)
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def wait(_task: Wait, ctx: TaskContext) -> None:
        begun.set()
        await let_go.wait()
        async with ctx.commit():
            pass

    port = uri_parser.parse_uri(mongo_address)["nodelist"][0][1]
    async with line_to(port) as line, asyncio.TaskGroup() as group:
        client: Any = AsyncIOMotorClient(
            f"mongodb://{line.address}/?directConnection=true", serverSelectionTimeoutMS=300
        )
        ledger = Ledger(client, service="worker", namespace=settings.namespace, clock=SystemClock())
        await ledger.prepare(retention_days=1)
        journal, specs = JournalWriter(ledger), {Wait.kind: TaskSpec(Wait, wait, 5)}
        worker = Worker(
            specs, ledger=ledger, blobs=Blobs.open(settings.blobs), journal=journal, context=plain_context,
            settings=settings,
        )  # fmt: skip
        await ledger.transaction(enqueue)
        writing, working = group.create_task(journal.run()), group.create_task(worker.run())
        await begun.wait()
        before = failed()
        line.cut()

        async def counted() -> None:
            assert failed() > before

        await assert_eventually(counted, timeout_seconds=60)
        line.mend()
        let_go.set()

        async def done() -> None:
            assert await ledger.read.count(TASKS, {"state": "done"}) == 1

        await assert_eventually(done, timeout_seconds=60)
        worker.stop()
        await working
        journal.stop()
        await writing
        await client.drop_database(ledger.database.name)
        await ledger.close()


async def enqueue(tx: Transaction) -> None:
    tx.enqueue(Wait(job_id="job", request_id="job:r"))
