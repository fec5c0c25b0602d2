"""What waits is measured where nothing moves, too: no worker, no relay, no consumer runs here."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from prometheus_client import REGISTRY

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.dead_letters import DISMISSED_OFFSET
from graftwork.kit.dead_letters import REPLAYED_OFFSET
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.metrics import OUTBOX_AGE_SECONDS
from graftwork.kit.metrics import OUTBOX_REFUSED_ROWS
from graftwork.kit.metrics import OUTBOX_ROWS
from graftwork.kit.metrics import READY_TASK_AGE_SECONDS
from graftwork.kit.metrics import READY_TASKS
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.watch import Watch
from graftwork.kit.watch import due_tasks
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import settings_for

pytestmark = pytest.mark.timeout(120)
EVENT = SeedsRequested.event_name
BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=0)


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path, watch_seconds=0.1)


@pytest.fixture
async def bus(settings: ServiceSettings) -> AsyncIterator[Bus]:
    async with bus_of(settings) as bus:
        yield bus


@asynccontextmanager
async def watched(ledger: Ledger, settings: ServiceSettings) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        watch = Watch.over(ledger, settings, [EVENT])
        group.create_task(watch.run())
        yield
        watch.stop()


@pytest.fixture
async def ledger(settings: ServiceSettings, bus: Bus) -> AsyncIterator[Ledger]:
    """Of a service that is watched and does nothing else."""
    del bus  # whose topics it looks at
    ledger = open_ledger(settings, "idle")
    await ledger.prepare(retention_days=1)
    for gauge in (READY_TASKS, READY_TASK_AGE_SECONDS, OUTBOX_ROWS, OUTBOX_REFUSED_ROWS, OUTBOX_AGE_SECONDS):
        gauge.set(-1)  # whoever was watched in this process before left them at something
    async with watched(ledger, settings):
        yield ledger
    await ledger.client.drop_database(ledger.database.name)
    await ledger.close()


def value(name: str, **labels: str) -> float:
    found = REGISTRY.get_sample_value(f"graftwork_{name}", labels)
    return -1 if found is None else found


async def told(expected: object, measured: Callable[[], object]) -> None:
    async def so() -> None:
        assert measured() == expected

    await assert_eventually(so, timeout_seconds=60)


def a_task(name: str, state: str, due: datetime) -> dict[str, Any]:
    return {"_id": name, "kind": "nobody_does_this", "state": state, "due": due, "payload": {}}


async def test_tasks_that_nobody_takes_are_counted_and_get_older(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    rows = [
        a_task("forgotten", "ready", now - timedelta(hours=1)),
        a_task("left by a silent worker", "running", now - timedelta(minutes=1)),
        a_task("under way", "running", now + timedelta(hours=1)),
        a_task("for later", "ready", now + timedelta(hours=1)),
        a_task("over", "done", now - timedelta(days=1)),
    ]
    await ledger.database[TASKS].insert_many(rows)

    await told(2, lambda: value("ready_tasks"))
    assert 3600 <= value("ready_task_age_seconds") < 3700
    await ledger.database[TASKS].delete_many({})
    await told((0, 0), lambda: (value("ready_tasks"), value("ready_task_age_seconds")))


async def test_looking_for_due_tasks_reads_no_task(ledger: Ledger) -> None:
    await ledger.database[TASKS].insert_one(a_task("forgotten", "ready", datetime.now(UTC)))
    told = await ledger.database.command(
        "explain",
        {"aggregate": TASKS, "pipeline": due_tasks(datetime.now(UTC)), "cursor": {}},
        verbosity="executionStats",
    )

    stats = told["stages"][0]["$cursor"]["executionStats"] if "stages" in told else told["executionStats"]
    assert (stats["totalDocsExamined"], stats["totalKeysExamined"] >= 1) == (0, True)


async def test_events_that_nobody_publishes_are_counted_and_get_older(ledger: Ledger) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    rows = [{"_id": str(number), "order": ObjectId(), "at": hour_ago} for number in range(3)]
    await ledger.database[OUTBOX].insert_many(rows)
    await ledger.database[OUTBOX_REFUSED].insert_one({"_id": "too large"})

    await told((3, 1), lambda: (value("outbox_rows"), value("outbox_refused_rows")))
    assert 3600 <= value("outbox_age_seconds") < 3700


async def test_records_that_nobody_admits_are_counted_and_get_older(
    ledger: Ledger, bus: Bus, settings: ServiceSettings
) -> None:
    del ledger
    for number in range(3):
        job = f"job-{number}"
        await bus.send(SeedsRequested(job_id=job, request_id=f"{job}:r", spec=BLOB, deadline=datetime.now(UTC)))
    topic = topic_of(settings.namespace, EVENT)

    await told(3, lambda: value("admission_lag_records", topic=topic))
    await told([True], lambda: [value("admission_lag_seconds", topic=topic) > 0.5])


async def test_dead_letters_wait_until_they_are_sent_again_or_dismissed(
    ledger: Ledger, bus: Bus, settings: ServiceSettings
) -> None:
    del ledger
    topic = topic_of(settings.namespace, EVENT)
    for number in range(3):
        await bus.send_raw(dead_letter_topic(topic), b"junk %d" % number, [("dlq-class", b"malformed_event")])

    await told(3, lambda: value("dead_letters", topic=topic))
    await bus.send_raw(dead_letter_topic(topic), b"", [(REPLAYED_OFFSET, b"1")])
    await told(2, lambda: value("dead_letters", topic=topic))
    await bus.send_raw(dead_letter_topic(topic), b"", [(DISMISSED_OFFSET, b"2")])
    await told(1, lambda: value("dead_letters", topic=topic))


@pytest.mark.usefixtures("bus")
async def test_a_look_that_fails_is_told_and_the_next_one_is_right_again(
    settings: ServiceSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """MongoDB is away, Kafka is there: one of the two is measured, and it is known which."""
    ledger = open_ledger(
        settings.model_copy(update={"mongo": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50"}), "x"
    )
    before = datetime.now(UTC).timestamp()
    async with watched(ledger, settings):
        await told([True], lambda: [value("watched_at_seconds", what="kafka") > before + 0.5])
        assert value("watched_at_seconds", what="ledger") < value("watched_at_seconds", what="kafka")
    await ledger.close()
    assert "watch.failed" in capsys.readouterr().out
