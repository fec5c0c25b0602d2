"""Garbage in real blob stores, with ledgers on a real MongoDB: what is needed stays, and the rest goes."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from graftwork.admin.errors import NothingKnown
from graftwork.admin.garbage import Survey
from graftwork.admin.garbage import require_known
from graftwork.admin.garbage import survey
from graftwork.admin.garbage import sweep
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.references import open_references
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.jobs import JobSpec
from graftwork.kit.blobs import Blobs
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskPayload
from graftwork_curator.acceptance import Tally
from graftwork_curator.publication import dataset_id_of
from graftwork_curator.publishing import Publisher
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.store import Round
from graftwork_gateway.job_ids import new_job_id
from tests.support.in_process import settings_for
from tests.support.publications import job_spec
from tests.support.publications import pair
from tests.support.publications import publication
from tests.support.publications import sample

pytestmark = pytest.mark.timeout(400)
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)
"""A cutoff after everything that a test writes."""
SPEC = JobSpec(name="rows", task="rows about nothing", count=1)


class PublishDataset(TaskPayload):
    """As the curator's."""


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path, store_url: str) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka="127.0.0.1:9", mongo=mongo_address, home=tmp_path, blobs=store_url)


@pytest.fixture
def blobs(store_url: str) -> Blobs:
    return Blobs.open(store_url)


@pytest.fixture
async def ledgers(settings: ServiceSettings) -> AsyncIterator[dict[str, Ledger]]:
    async with open_ledgers(settings) as opened:
        try:
            yield opened
        finally:
            for ledger in opened.values():
                await ledger.client.drop_database(ledger.database.name)


async def insert(ledger: Ledger, collection: str, row: Document) -> None:
    await ledger.database[collection].insert_one(row)


def a_job() -> str:
    return new_job_id(NOW, secrets.token_bytes)


async def payload_of(blobs: Blobs, job_id: str) -> str:
    return (await blobs.put_json({"of": job_id}, f"{job_id}/samples")).key


async def publish(blobs: Blobs, dataset_id: str) -> str:
    return (await blobs.put_named(f"datasets/{dataset_id}/README.md", b"rows")).key


async def looked_at(settings: ServiceSettings, cutoff: datetime = LATER) -> Survey:
    async with open_references(settings) as references:
        return await survey(Blobs.open(settings.blobs), references, cutoff)


async def swept(settings: ServiceSettings, found: Survey, cutoff: datetime = LATER) -> list[str]:
    async with open_references(settings) as references:
        store = Blobs.open(settings.blobs)
        return sorted([group.prefix async for group in sweep(store, references, found.garbage, cutoff)])


async def keys_of(blobs: Blobs) -> set[str]:
    return {entry.key async for page in blobs.entries() for entry in page}


async def test_payloads_of_jobs_that_are_gone_are_deleted_and_nothing_else(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    living, deleted, forgotten = a_job(), a_job(), a_job()
    await insert(ledgers["gateway"], "jobs", {"_id": living, "tenant": "t"})
    await insert(ledgers["gateway"], "jobs", {"_id": deleted, "deleted_at": NOW})
    kept = {await payload_of(blobs, living), (await blobs.put_named("notes.txt", b"mine")).key}
    await blobs.ping()
    await payload_of(blobs, deleted)
    await payload_of(blobs, forgotten)
    await publish(blobs, dataset_id_of(SPEC, f"{deleted}:dataset"))

    found = await looked_at(settings)
    gone = await swept(settings, found)

    assert gone == sorted([deleted, forgotten, f"datasets/{dataset_id_of(SPEC, f'{deleted}:dataset')}"])
    assert (found.total.files, found.used.files, found.foreign.files, found.known) == (3, 1, 1, True)
    assert await keys_of(blobs) == {*kept, "health/ping"}
    assert (await looked_at(settings)).garbage == []


async def test_any_row_that_names_a_job_keeps_its_payloads(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    told, searched, judged, published, worked, finished = (a_job() for _ in range(6))
    await ledgers["runner"].transaction(lambda tx: _tell(tx, told))
    await insert(ledgers["search"], "jobs", {"_id": searched})
    await insert(ledgers["curator"], "rounds", {"_id": "r", "job_id": judged})
    await insert(ledgers["curator"], "datasets", {"_id": "d", "job_id": published})
    await ledgers["evaluator"].transaction(lambda tx: _work(tx, ForgetJob(job_id=worked, request_id=worked)))
    await insert(ledgers["evaluator"], "tasks", {"_id": "t", "job_id": finished, "state": "done"})
    for job in (told, searched, judged, published, worked, finished):
        await payload_of(blobs, job)

    found = await looked_at(settings)

    assert [group.prefix for group in found.garbage] == [finished]


async def test_datasets_are_kept_while_one_is_listed_recorded_or_about_to_be(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    listed, recorded, coming, left = (dataset_id_of(SPEC, f"job:{number}") for number in range(4))
    await insert(ledgers["gateway"], "datasets", {"_id": listed, "job_id": a_job()})
    await insert(ledgers["curator"], "datasets", {"_id": recorded, "job_id": a_job()})
    await ledgers["curator"].transaction(lambda tx: _work(tx, PublishDataset(job_id="job", request_id="job:2")))
    for dataset in (listed, recorded, coming, left):
        await publish(blobs, dataset)

    found = await looked_at(settings)

    assert [group.prefix for group in found.garbage] == [f"datasets/{left}"]


async def test_all_files_of_a_publication_whose_job_was_deleted_meanwhile_are_found(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    job = a_job()
    rows = b"".join(sample(n, pair(f"prompt {n}")).model_dump_json().encode() + b"\n" for n in range(3))
    accepted = await blobs.put_bytes(rows, f"{job}/accepted", "jsonl", rows=3)
    told = {"job_id": job, "sequence": 0, "request_id": "r", "candidates_sha256": "0" * 64, "tally": Tally(accepted=3)}
    judged = Round.model_validate({**told, "accepted": (accepted,), "discarded": ()})
    late = publication(job_id=job, dataset_id=dataset_id_of(job_spec(), f"{job}:dataset"))
    await insert(ledgers["gateway"], "jobs", {"_id": job, "deleted_at": NOW})
    await Publisher(blobs, CuratorSettings(), late).publish([judged], published_at=NOW)

    found = await looked_at(settings)

    assert (await swept(settings, found), found.foreign.files) == (sorted([job, late.location]), 0)
    assert await keys_of(blobs) == set()


async def test_what_is_young_or_comes_to_be_used_meanwhile_stays(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    taken, one, other = a_job(), a_job(), a_job()
    for job in (taken, one, other):
        await payload_of(blobs, job)
    young = await looked_at(settings, cutoff=NOW - timedelta(hours=1))
    found = await looked_at(settings)
    await insert(ledgers["gateway"], "jobs", {"_id": taken})

    assert (young.garbage, young.young.files) == ([], 3)
    assert await swept(settings, found, cutoff=NOW - timedelta(hours=1)) == []
    assert await swept(settings, found) == sorted([one, other])


async def test_a_platform_beside_this_one_keeps_its_payloads(
    settings: ServiceSettings, blobs: Blobs, ledgers: dict[str, Ledger]
) -> None:
    mine, theirs = a_job(), a_job()
    await insert(ledgers["gateway"], "jobs", {"_id": mine})
    for job in (mine, theirs):
        await payload_of(blobs, job)
    neighbour = settings.model_copy(update={"namespace": f"{settings.namespace}-beside"})
    async with open_ledgers(neighbour) as beside:
        await insert(beside["gateway"], "jobs", {"_id": theirs})
        found = await looked_at(settings)
        await beside["gateway"].client.drop_database(beside["gateway"].database.name)

    assert (found.garbage, found.used.files) == ([], 2)


async def test_a_store_of_which_the_ledgers_have_never_heard_is_left_alone(
    settings: ServiceSettings, blobs: Blobs
) -> None:
    await payload_of(blobs, a_job())
    found = await looked_at(settings)

    assert (len(found.garbage), found.known) == (1, False)
    with pytest.raises(NothingKnown, match=r"never heard of any of the jobs in file:///x: check GRAFTWORK_BLOBS"):
        require_known(found, "file:///x")


async def _tell(tx: Transaction, job_id: str) -> None:
    tx.emit(JobCancellationRequested(job_id=job_id))


async def _work(tx: Transaction, task: TaskPayload) -> None:
    tx.enqueue(task)
