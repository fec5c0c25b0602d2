"""The operator's commands as they are typed, on real servers."""

import json
import os
import secrets
import time
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest

from graftwork.admin.ledgers import open_ledgers
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork_gateway.job_ids import new_job_id
from tests.support.command import graftwork
from tests.support.in_process import bus_of
from tests.support.in_process import records_of
from tests.support.in_process import running
from tests.support.in_process import settings_for

EVENT = "seeds.requested"
JUNK = b"\x1b]0;pwned\x07\xff"


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


@pytest.fixture
def told(settings: ServiceSettings) -> dict[str, str]:
    """The settings as a shell has them."""
    names = ("kafka", "mongo", "namespace", "blobs")
    return {f"GRAFTWORK_{name.upper()}": str(getattr(settings, name)) for name in names}


def a_service(settings: ServiceSettings) -> Service:
    router = Router("answerer")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        await tx.insert("admitted", {"_id": event.id})

    return Service(
        router=router, settings=settings, ledger=open_ledger(settings, "answerer"), blobs=Blobs.open(settings.blobs)
    )


async def test_dead_letters_are_listed_shown_and_replayed(
    settings: ServiceSettings, told: dict[str, str], tmp_path: Path
) -> None:
    topic = topic_of(settings.namespace, EVENT)
    async with bus_of(settings) as bus, running(a_service(settings)):
        await bus.send_raw(topic, JUNK, [], key=b"job-1")
        await records_of(settings, dead_letter_topic(topic), 1)
        listed = await graftwork(tmp_path, "admin", "dlq", "list", **told)
        shown = await graftwork(tmp_path, "admin", "dlq", "show", EVENT, "0", "0", **told)
        as_json = await graftwork(tmp_path, "admin", "dlq", "list", "--topic", topic, "--json", **told)
        replayed = await graftwork(tmp_path, "admin", "dlq", "replay", EVENT, "--offset", "0", **told)
        await records_of(settings, dead_letter_topic(topic), 3)
        again = await graftwork(tmp_path, "admin", "dlq", "replay", EVENT, "--offset", "0", **told)
        dry = await graftwork(tmp_path, "admin", "dlq", "replay", EVENT, "--all", "--dry-run", **told)

    header, row = listed.stdout.splitlines()
    assert header.split()[:3] == ["TOPIC", "PARTITION", "OFFSET"]
    assert row.split()[:3] == [topic, "0", "0"]
    assert "answerer  malformed_event  1" in row
    assert "00000000  1b 5d 30 3b 70 77 6e 65 64 07 ff" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert json.loads(as_json.stdout)[0] | {"at": ""} == json.loads(as_json.stdout)[0] | {"at": "", "job_id": "job-1"}
    assert (replayed.status, replayed.stdout) == (0, f"Sent 1 letter to {topic}\n")
    assert again.stdout == "Nothing to replay\n"
    assert again.stderr == "1 letter passed over, replayed before: --again sends them too\n"
    assert dry.stdout == f"1 letter would be sent to {topic}\n"


async def test_dead_letters_are_dismissed(settings: ServiceSettings, told: dict[str, str], tmp_path: Path) -> None:
    topic = topic_of(settings.namespace, EVENT)
    async with bus_of(settings) as bus:
        await bus.send_raw(dead_letter_topic(topic), JUNK, [("dlq-class", b"cut"), ("dlq-truncated", b"much")])
        await bus.send_raw(dead_letter_topic(topic), JUNK, [("dlq-class", b"internal")])
        dry = await graftwork(tmp_path, "admin", "dlq", "dismiss", EVENT, "--all", "--dry-run", **told)
        done = await graftwork(
            tmp_path, "admin", "dlq", "dismiss", EVENT, "--all", "--class", "internal", "--yes", **told
        )
        more = await graftwork(tmp_path, "admin", "dlq", "dismiss", EVENT, "--offset", "1", "--yes", **told)
        listed = await graftwork(tmp_path, "admin", "dlq", "list", "--topic", EVENT, "--class", "internal", **told)
        shown = await graftwork(tmp_path, "admin", "dlq", "show", EVENT, "0", "1", "--json", **told)
        replay = await graftwork(tmp_path, "admin", "dlq", "replay", EVENT, "--all", "--dry-run", **told)
        unclear = await graftwork(tmp_path, "admin", "dlq", "dismiss", EVENT, **told)

    at = json.loads(shown.stdout)["dismissed_at"]
    assert dry.stdout == f"2 letters of {topic} would be dismissed\n"
    assert (done.status, done.stdout) == (0, f"Dismissed 1 letter of {topic}\n")
    assert (more.stdout, more.stderr) == ("Nothing to dismiss\n", "1 letter passed over, dismissed before\n")
    assert datetime.fromisoformat(at).tzinfo is not None
    assert f"  dismissed {at}" in listed.stdout.splitlines()[1]
    assert replay.stdout == f"0 letters would be sent to {topic}\n"
    assert replay.stderr.splitlines() == [
        "1 letter passed over, dismissed before: --again sends them too",
        "1 letter passed over, not kept whole: too large",
    ]
    assert (unclear.status, "name letters with --offset, or take --all" in unclear.stderr) == (2, True)


async def test_what_cannot_be_done_is_one_line_and_a_status(told: dict[str, str], tmp_path: Path) -> None:
    away = await graftwork(tmp_path, "admin", "dlq", "list", **{**told, "GRAFTWORK_KAFKA": "127.0.0.1:9"})
    nothing = await graftwork(tmp_path, "admin", "dlq", "show", EVENT, "0", "0", **told)
    unclear = await graftwork(tmp_path, "admin", "dlq", "replay", EVENT, **told)
    wrong = await graftwork(tmp_path, "admin", "dlq", "list", **{**told, "GRAFTWORK_NAMESPACE": "No!"})
    hasty = await graftwork(tmp_path, "admin", "blobs", "gc", "--older-than", "5m", **told)

    assert (away.status, len(away.stderr.splitlines())) == (3, 1)
    assert away.stderr.startswith("graftwork: Kafka at 127.0.0.1:9 cannot be reached: check GRAFTWORK_KAFKA")
    assert nothing.status == 1
    assert "has no dead letter topic of seeds.requested; it has none at all" in nothing.stderr
    assert (unclear.status, "name letters with --offset, or take --all" in unclear.stderr) == (2, True)
    assert (wrong.status, wrong.stderr.startswith("graftwork: GRAFTWORK_NAMESPACE: ")) == (1, True)
    assert (hasty.status, "may be about to be used" in hasty.stderr) == (2, True)


@pytest.fixture
def old_store(settings: ServiceSettings, tmp_path: Path) -> tuple[str, str]:
    """A store with an old payload of each of two jobs."""
    jobs = new_job_id(datetime.now(UTC), secrets.token_bytes), new_job_id(datetime.now(UTC), secrets.token_bytes)
    for job in jobs:
        file = tmp_path / "blobs" / job / "samples" / f"{'0' * 64}.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text("{}\n")
        os.utime(file, (time.time() - 200_000,) * 2)
    assert settings.blobs == (tmp_path / "blobs").as_uri()
    return jobs


async def test_garbage_is_told_and_deleted(
    settings: ServiceSettings, told: dict[str, str], tmp_path: Path, old_store: tuple[str, str]
) -> None:
    living, gone = old_store
    unknown = await graftwork(tmp_path, "admin", "blobs", "gc", **told)
    async with open_ledgers(settings) as ledgers:
        await ledgers["gateway"].database["jobs"].insert_one({"_id": living})
        dry = await graftwork(tmp_path, "admin", "blobs", "gc", "--dry-run", "--json", **told)
        done = await graftwork(tmp_path, "admin", "blobs", "gc", "--yes", **told)
        await ledgers["gateway"].client.drop_database(ledgers["gateway"].database.name)

    assert (unknown.status, "have never heard of any of the jobs" in unknown.stderr) == (1, True)
    assert [one["prefix"] for one in json.loads(dry.stdout)["garbage"]] == [gone]
    assert json.loads(dry.stdout)["deleted"] == {"files": 0, "size_bytes": 0}
    assert done.stdout.splitlines()[1].split()[:4] == [gone, "1", "3", "B"]
    assert done.stdout.splitlines()[-2:] == [
        "Nobody needs 1 file (3 B); in use are 1 file (3 B)",
        "Deleted 1 file (3 B)",
    ]
    assert [path.parts[-3] for path in (tmp_path / "blobs").rglob("*.jsonl")] == [living]


async def test_refused_events_have_commands(settings: ServiceSettings, told: dict[str, str], tmp_path: Path) -> None:
    row = {"_id": "e1", "event": EVENT, "topic": "t", "key": b"job-1", "value": b'{"a":1}', "at": datetime.now(UTC)}
    async with open_ledgers(settings) as ledgers:
        database = ledgers["search"].database
        await database["outbox_refused"].insert_one({**row, "reason": "too large"})
        await database["outbox_refused"].insert_one({**row, "_id": "e2", "reason": "too large"})
        listed = await graftwork(tmp_path, "admin", "refused", "list", **told)
        shown = await graftwork(tmp_path, "admin", "refused", "show", "e1", **told)
        retried = await graftwork(tmp_path, "admin", "refused", "retry", "e1", **told)
        dropped = await graftwork(tmp_path, "admin", "refused", "drop", "--all", **told)
        left = await graftwork(tmp_path, "admin", "refused", "list", "--json", **told)
        waiting = await ledgers["search"].read.count("outbox", {})
        await ledgers["search"].client.drop_database(database.name)

    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["SERVICE", "search", "search"]
    assert '"a": 1' in shown.stdout
    assert retried.stdout == "1 event back in the outbox: their services send them now\n"
    assert (dropped.stdout, left.stdout, waiting) == ("Dropped 1 event\n", "[]\n", 1)
