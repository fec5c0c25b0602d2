"""Backups on real MongoDB and Kafka: one moment for all ledgers, nothing lost between them, nothing from later."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC
from datetime import datetime
from pathlib import Path

import bson
import pytest

from graftwork.admin.archive import Archive
from graftwork.admin.backup import Backup
from graftwork.admin.errors import BackupFailed
from graftwork.admin.errors import BackupInvalid
from graftwork.admin.errors import NotEmpty
from graftwork.admin.errors import StillRunning
from graftwork.admin.in_flight import open_flight
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.manifest import Manifest
from graftwork.admin.restore import Restore
from graftwork.admin.snapshot import emitted_since
from graftwork.admin.snapshot import snapshot_of
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import admin_of
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import BLOB
from tests.support.kit_worker import a_request

ADMITTED = "admitted"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ID = "20260102T030405Z"


@pytest.fixture
async def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> AsyncIterator[ServiceSettings]:
    settings = settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)
    yield settings
    await wipe(settings)


@pytest.fixture
async def bus(settings: ServiceSettings) -> AsyncIterator[Bus]:
    async with bus_of(settings) as bus:
        yield bus


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(Blobs.open((tmp_path / "backups").as_uri()))


def service(settings: ServiceSettings) -> Service:
    """Counts how often it admits each request, and answers."""
    router = Router("runner")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        request = event.data
        await tx.update(ADMITTED, {"_id": request.request_id}, {"$inc": {"times": 1}}, upsert=True)
        answer = {"job_id": request.job_id, "request_id": request.request_id, "space": BLOB, "size": 1}
        tx.emit(SeedsProposed.model_validate({**answer, "used": {}}))

    return Service(
        router=router, settings=settings, ledger=open_ledger(settings, "runner"), blobs=Blobs.open(settings.blobs)
    )


async def backed_up(settings: ServiceSettings, archive: Archive, *, blobs: bool = True) -> Manifest:
    payloads = Blobs.open(settings.blobs) if blobs else None
    return await Backup(settings=settings, archive=archive, blobs=payloads, at=AT, told=print).make()


async def restored(settings: ServiceSettings, archive: Archive, *, force: bool = False, kafka: bool = True) -> None:
    manifest = await archive.manifest(ID)
    blobs = Blobs.open(settings.blobs)
    await Restore(
        settings=settings, archive=archive, manifest=manifest, blobs=blobs, kafka=kafka, force=force, told=print
    ).run()


async def wipe(settings: ServiceSettings) -> None:
    async with open_ledgers(settings) as ledgers:
        for ledger in ledgers.values():
            await ledger.client.drop_database(ledger.database.name)


async def admitted(settings: ServiceSettings) -> dict[str, int]:
    ledger = open_ledger(settings, "runner")
    try:
        return {row["_id"]: row["times"] for row in await ledger.read.find(ADMITTED, {})}
    finally:
        await ledger.close()


async def until_admitted(settings: ServiceSettings, wanted: dict[str, int]) -> None:
    async def all_of_them() -> None:
        assert await admitted(settings) == wanted

    await assert_eventually(all_of_them, timeout_seconds=60)


async def test_what_was_on_its_way_arrives_and_what_came_later_does_not(
    settings: ServiceSettings, bus: Bus, archive: Archive
) -> None:
    async with running(service(settings)):
        await bus.send(a_request(1))
        await until_admitted(settings, {"job-1:r1": 1})
    await bus.send(a_request(2))
    manifest = await backed_up(settings, archive)
    async with running(service(settings)):
        await bus.send(a_request(3))
        await until_admitted(settings, {"job-1:r1": 1, "job-1:r2": 1, "job-1:r3": 1})
    await wipe(settings)

    await restored(settings, archive)
    before = await admitted(settings)
    async with running(service(settings)):
        await bus.send(a_request(4))
        await until_admitted(settings, {"job-1:r1": 1, "job-1:r2": 1, "job-1:r4": 1})

    assert before == {"job-1:r1": 1}
    assert manifest.groups["runner"] == [topic_of(settings.namespace, "seeds.requested")]


async def test_an_event_of_after_the_moment_is_not_among_those_on_their_way(
    settings: ServiceSettings, bus: Bus
) -> None:
    async with open_ledgers(settings) as ledgers, open_flight(settings) as flight:
        ledger = ledgers["runner"]
        async with running(service(settings)):
            await bus.send(a_request(1))
            await bus.wait_for(SeedsProposed, 1)
            begins = await flight.ends()
            async with snapshot_of(ledger, INBOX) as snapshot:
                await bus.send(a_request(2))
                await bus.wait_for(SeedsProposed, 2)
                ends = await flight.ends()
                later = await emitted_since(ledger, snapshot.moment)
        but = {(ledger.source, event) for event in later}
        unfiltered = [bson.decode(row)["topic"] async for row in flight.rows(begins, ends)]
        rows = [bson.decode(row)["topic"] async for row in flight.rows(begins, ends, but=but)]

    assert later == {"seeds.proposed:job-1:r2"}
    assert set(unfiltered) == {topic_of(settings.namespace, name) for name in ("seeds.requested", "seeds.proposed")}
    assert rows == [topic_of(settings.namespace, "seeds.requested")]


async def test_a_kafka_that_is_lost_as_well_is_made_up_for(
    settings: ServiceSettings, bus: Bus, archive: Archive
) -> None:
    async with running(service(settings)):
        await bus.send(a_request(1))
        await until_admitted(settings, {"job-1:r1": 1})
    await bus.send(a_request(2))
    await backed_up(settings, archive)
    await wipe(settings)
    async with admin_of(settings, "tests") as admin:
        await admin.delete_topics([one for one in await admin.list_topics() if one.startswith(settings.namespace)])

        async def gone() -> None:
            assert not [one for one in await admin.list_topics() if one.startswith(settings.namespace)]

        await assert_eventually(gone)

    await restored(settings, archive)
    async with running(service(settings)):
        await until_admitted(settings, {"job-1:r1": 1, "job-1:r2": 1})


async def test_what_was_not_published_yet_is_published_after_the_restore(
    settings: ServiceSettings, bus: Bus, archive: Archive
) -> None:
    ledger = open_ledger(settings, "search")

    async def ask(tx: Transaction) -> None:
        tx.emit(a_request(1))

    await ledger.prepare(retention_days=1)
    await ledger.transaction(ask)
    await ledger.close()
    await backed_up(settings, archive)
    await wipe(settings)
    await restored(settings, archive)

    relaying = Router("search")
    relaying.on(SeedsProposed)(_heard)
    async with (
        running(service(settings)),
        running(
            Service(
                router=relaying,
                settings=settings,
                ledger=open_ledger(settings, "search"),
                blobs=Blobs.open(settings.blobs),
            )
        ),
    ):
        await until_admitted(settings, {"job-1:r1": 1})
        await bus.wait_for(SeedsProposed)


async def _heard(_event: Event[SeedsProposed], _tx: Transaction) -> None: ...


async def test_all_ledgers_are_as_they_were_at_one_moment(settings: ServiceSettings, archive: Archive) -> None:
    async with open_ledgers(settings) as ledgers:
        first, second = ledgers["gateway"], ledgers["search"]
        filling = [{"_id": number, "padding": "x" * 200} for number in range(3000)]
        for ledger in (first, second):
            await ledger.insert_unordered("filling", filling)
            await ledger.upsert("count", {"_id": 1}, {"$set": {"n": 0}})
        await first.database.create_collection("empty")  # what there is tells how old a ledger is
        counting = asyncio.Event()

        async def count() -> None:
            number = 0
            while True:
                number += 1
                await first.database["count"].update_one({}, {"$set": {"n": number}})
                await second.database["count"].update_one({}, {"$set": {"n": number}})
                counting.set()

        async with asyncio.TaskGroup() as group:
            writer = group.create_task(count())
            await counting.wait()
            manifest = await backed_up(settings, archive, blobs=False)
            writer.cancel()
        after = await counts(first, second)
        await restored(settings, archive, force=True, kafka=False)

        one, other = await counts(first, second)
        assert 0 <= one - other <= 1
        assert one < after[0]
        assert "empty" in await first.database.list_collection_names()
        assert await first.read.find("filling", {}, sort=[("_id", 1)]) == filling
        assert (manifest.ledgers["gateway"].collections["filling"].rows, manifest.blobs) == (3000, None)


async def counts(*ledgers: Ledger) -> list[int]:
    rows = [await ledger.read.find_one("count", {}) for ledger in ledgers]
    return [row["n"] for row in rows if row is not None]


@pytest.mark.usefixtures("bus")
async def test_payloads_come_back_as_they_were(settings: ServiceSettings, archive: Archive) -> None:
    await open_and_fill(settings)
    blobs = Blobs.open(settings.blobs)
    ref = await blobs.put_bytes(b"precious" * 1000, "job-1")
    await backed_up(settings, archive)
    await blobs.delete_under("job-1")
    await wipe(settings)

    await restored(settings, archive)

    assert await blobs.get_bytes(ref) == b"precious" * 1000


async def open_and_fill(settings: ServiceSettings) -> None:
    ledger = open_ledger(settings, "runner")
    await ledger.upsert(ADMITTED, {"_id": "x"}, {"$set": {"times": 1}})
    await ledger.close()


@pytest.mark.usefixtures("bus")
async def test_databases_that_are_there_are_left_alone_without_force(
    settings: ServiceSettings, archive: Archive
) -> None:
    await open_and_fill(settings)
    await backed_up(settings, archive)

    with pytest.raises(NotEmpty, match=rf"there are databases already: {settings.namespace}_runner; --force"):
        await restored(settings, archive)
    await restored(settings, archive, force=True)

    assert await admitted(settings) == {"x": 1}


@pytest.mark.parametrize("kafka", [True, False])
async def test_nothing_is_restored_under_a_service_that_runs(
    settings: ServiceSettings, bus: Bus, archive: Archive, *, kafka: bool
) -> None:
    async with running(service(settings)):
        await bus.send(a_request(1))
        await until_admitted(settings, {"job-1:r1": 1})
        await backed_up(settings, archive)

        with pytest.raises(StillRunning, match="stop runner"):
            await restored(settings, archive, force=True, kafka=kafka)

    assert await admitted(settings) == {"job-1:r1": 1}


@pytest.mark.usefixtures("bus")
@pytest.mark.parametrize("damaged", ["ledger", "payload"])
async def test_a_damaged_backup_is_told_before_anything_is_dropped(
    settings: ServiceSettings, archive: Archive, tmp_path: Path, damaged: str
) -> None:
    await open_and_fill(settings)
    await Blobs.open(settings.blobs).put_named("job-1/seeds.json", b"[]")
    await backed_up(settings, archive)
    names = {"ledger": f"{settings.namespace}_runner/{ADMITTED}.bson.gz", "payload": "blobs/job-1/seeds.json"}
    (tmp_path / "backups" / ID / names[damaged]).write_bytes(b"something else")

    with pytest.raises(BackupInvalid, match=rf"{names[damaged]} is not what the manifest says: 14 bytes of sha256"):
        await restored(settings, archive, force=True)

    assert await admitted(settings) == {"x": 1}


@pytest.mark.usefixtures("bus")
async def test_a_backup_of_another_namespace_is_refused(settings: ServiceSettings, archive: Archive) -> None:
    await open_and_fill(settings)
    await backed_up(settings, archive)

    with pytest.raises(BackupInvalid, match=f"the backup is of namespace {settings.namespace}.*cannot become other"):
        await restored(settings.model_copy(update={"namespace": "other"}), archive)


async def test_a_platform_that_is_not_there_is_no_backup(settings: ServiceSettings, archive: Archive) -> None:
    nobody = settings.model_copy(update={"namespace": f"t{secrets.token_hex(4)}"})

    with pytest.raises(BackupFailed, match="nothing to back up"):
        await backed_up(nobody, archive)
    assert await archive.manifests() == []
