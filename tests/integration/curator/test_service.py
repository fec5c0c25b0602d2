from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow.dataset as ds
import pytest

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobDeleted
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Lineage
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.blobs import Blobs
from graftwork.kit.ledger import TASKS
from graftwork_curator.bootstrap import build
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.store import DATASETS
from graftwork_curator.store import ROUNDS
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.publications import SPACE
from tests.support.publications import WORKFLOW
from tests.support.publications import custom
from tests.support.publications import job_spec
from tests.support.publications import pair
from tests.support.publications import path
from tests.support.publications import sample

ANIMALS = ["otter", "heron", "badger", "lynx", "marten", "stork", "weasel", "raven", "viper", "trout"]
ROWS = [sample(i, pair(f"{animal}: how does a {animal} share {i} fish?")) for i, animal in enumerate(ANIMALS)]


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> CuratorSettings:
    return settings_for(CuratorSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


@dataclass
class Job:
    """A job as search would drive it."""

    bus: Bus
    blobs: Blobs
    spec: BlobRef
    job_id: str = "job-1"

    async def ask(
        self,
        rows: Sequence[SampleRow],
        *,
        needed: int,
        wanted: int | None = None,
        number: int = 0,
        request_id: str | None = None,
    ) -> AcceptanceRequested:
        half = (len(rows) + 1) // 2
        chunks = [await self.blobs.put_rows(part, "chunks") for part in (rows[:half], rows[half:])]
        request = AcceptanceRequested(
            job_id=self.job_id,
            request_id=request_id or f"{self.job_id}:acceptance:{number}",
            spec=self.spec,
            deadline=soon(),
            round=number,
            samples=tuple(chunks),
            needed=needed,
            wanted=wanted,
        )
        await self.bus.send(request)
        return request

    async def ask_for_dataset(self, run: int = 0, **more: Any) -> None:
        workflow = await self.blobs.put_json(WORKFLOW, "workflows")
        fields: dict[str, Any] = {
            "counts": ProductionCounts(wanted=3, attempted=10, rounds=2),
            "complete": True,
            "lineage": Lineage(winner_node_id="n2", workflow=workflow, reward=4.25, path=path()),
            "spent": SpendReport(),
            "space": await self.blobs.put_json(SPACE, "spaces"),
            "run": run,
            **more,
        }
        request_id = f"{self.job_id}:dataset:{run}"
        told = {"job_id": self.job_id, "request_id": request_id, "spec": self.spec, "deadline": soon(), **fields}
        await self.bus.send(DatasetRequested.model_validate(told))

    async def answers(self, count: int = 1) -> list[SamplesAccepted]:
        return await self.bus.wait_for(SamplesAccepted, count)

    async def dataset(self) -> DatasetSummary:
        return (await self.bus.wait_for(DatasetPublished))[0].dataset


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


@asynccontextmanager
async def a_job(settings: CuratorSettings, spec: JobSpec | None = None) -> AsyncIterator[Job]:
    blobs = Blobs.open(settings.blobs)
    async with bus_of(settings) as bus:
        yield Job(bus, blobs, await blobs.put_json(spec or job_spec(), "specs"))


def rows_of(settings: CuratorSettings, dataset: DatasetSummary) -> list[dict[str, Any]]:
    data = Path(urlparse(settings.blobs).path) / dataset.location / "data"
    rows: list[dict[str, Any]] = ds.dataset(data, format="parquet").to_table().to_pylist()
    return rows


async def test_rounds_are_judged_and_the_accepted_rows_published(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask([*ROWS[:2], sample(2, ROWS[0].output), sample(3, None)], needed=3)
        (first,) = await job.answers()
        await job.ask([sample(4, pair("")), *ROWS[5:8]], needed=first.short, number=1)
        second = (await job.answers(2))[1]
        await job.ask_for_dataset(counts=ProductionCounts(wanted=3, attempted=8, rounds=2))
        dataset = await job.dataset()
    assert (
        first.accepted,
        first.rejected,
        first.failed,
        first.surplus,
        first.total_accepted,
        first.short,
    ) == (2, {"exact_duplicate": 1}, {"crashed": 1}, 0, 2, 1)
    assert (
        second.accepted,
        second.rejected,
        second.failed,
        second.surplus,
        second.total_accepted,
        second.short,
    ) == (1, {"schema_invalid": 1}, {}, 2, 3, 0)
    assert [row["graftwork"]["sample_id"] for row in rows_of(settings, dataset)] == ["s0", "s1", "s5"]
    assert (3, True, WORKFLOW.sha256) == (
        dataset.rows,
        dataset.complete,
        rows_of(settings, dataset)[0]["graftwork"]["workflow_sha256"],
    )
    assert (
        dataset.counts.attempted,
        dataset.counts.accepted,
        sum(dataset.counts.rejected.values()),
        sum(dataset.counts.failed.values()),
        dataset.counts.surplus,
    ) == (8, 3, 2, 1, 2)


async def test_a_request_heard_twice_is_answered_once(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        request = await job.ask(ROWS[:2], needed=2)
        await job.bus.send(request, source="/elsewhere")
        await job.answers()
        await job.ask(ROWS[2:4], needed=1, number=1)
        answers = await job.answers(2)
    assert [(answer.round, answer.total_accepted) for answer in answers] == [(0, 2), (1, 3)]


async def test_candidates_asked_for_again_get_the_verdict_they_had(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS[:4], needed=3)
        await job.answers()
        await job.ask(ROWS[:4], needed=3, request_id="job-1:acceptance:0:again")
        first, again = await job.answers(2)
        await job.ask_for_dataset()
        dataset = await job.dataset()
    assert first.model_copy(update={"request_id": again.request_id}) == again
    assert (dataset.rows, dataset.counts.rejected) == (3, {})


async def test_no_more_rows_are_taken_than_a_job_wants_though_search_knows_less(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS[:2], needed=3, wanted=3)
        await job.answers()
        await job.ask(ROWS[2:6], needed=3, wanted=3, number=1)
        await job.answers(2)
        await job.ask(ROWS[6:8], needed=3, wanted=3, number=2)
        answers = await job.answers(3)
    assert [(one.accepted, one.surplus, one.total_accepted, one.short) for one in answers] == [
        (2, 0, 2, 1),
        (1, 3, 3, 0),
        (0, 2, 3, 0),
    ]


async def test_another_process_knows_what_was_accepted_before(settings: CuratorSettings) -> None:
    async with a_job(settings) as job:
        async with running(await build(settings)):
            await job.ask(ROWS[:3], needed=3)
            await job.answers()
        async with running(await build(settings)):
            await job.ask([sample(20, ROWS[1].output), sample(21, ROWS[4].output)], needed=2, number=1)
            second = (await job.answers(2))[1]
    assert (second.rejected, second.accepted, second.total_accepted) == ({"exact_duplicate": 1}, 1, 4)


async def test_rounds_asked_for_at_once_never_take_a_row_twice(settings: CuratorSettings) -> None:
    twins = [sample(index + 50, row.output) for index, row in enumerate(ROWS)]
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS, needed=10)
        await job.ask(twins, needed=10, number=1)
        answers = await job.answers(2)
        await job.ask_for_dataset()
        dataset = await job.dataset()
    assert sorted(answer.accepted for answer in answers) == [0, 10]
    assert dataset.counts.rejected == {"exact_duplicate": 10}
    assert len(ROWS) == len({row["prompt"] for row in rows_of(settings, dataset)})


async def test_a_stopped_job_still_publishes_what_was_accepted_marked_partial(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS[:2], needed=3)
        await job.answers()
        await job.bus.send(JobStopping(job_id=job.job_id, outcome=JobState.CANCELLED, reason="cancelled"))
        await job.ask_for_dataset(complete=False)
        dataset = await job.dataset()
    assert (dataset.rows, dataset.complete) == (2, False)
    card = await job.blobs.get_bytes(next(file.blob for file in dataset.files if file.path == "README.md"))
    assert b"**This dataset is partial**: 3 rows were asked for, 2 were accepted" in card


async def test_a_job_that_was_extended_publishes_all_its_rows_as_a_dataset_of_its_own(
    settings: CuratorSettings,
) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS[:3], needed=3)
        await job.answers()
        await job.ask_for_dataset()
        await job.dataset()
        await job.ask([sample(20, ROWS[0].output), *ROWS[3:6]], needed=2, number=1)
        await job.answers(2)
        await job.ask_for_dataset(run=1, counts=ProductionCounts(wanted=5, attempted=7, rounds=2))
        first, second = (published.dataset for published in await job.bus.wait_for(DatasetPublished, 2))
    assert first.dataset_id != second.dataset_id
    assert [row["graftwork"]["seed_index"] for row in rows_of(settings, first)] == [0, 1, 2]
    assert [row["graftwork"]["seed_index"] for row in rows_of(settings, second)] == [0, 1, 2, 3, 4]
    assert (second.complete, second.counts.rejected) == (True, {"exact_duplicate": 1})
    written = await job.blobs.get_bytes(next(file.blob for file in second.files if file.path == "job.yaml"))
    assert b"count: 5" in written


async def test_what_the_event_tells_is_enough_to_read_the_rows(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask(ROWS[:3], needed=3)
        await job.answers()
        await job.ask_for_dataset()
        dataset = await job.dataset()
    table = ds.dataset(urlparse(f"{dataset.uri}/data").path, format="parquet").to_table()
    assert {field.name: str(field.type) for field in table.schema} == dataset.columns
    assert table.num_rows == dataset.rows == 3


async def test_a_deleted_job_is_forgotten_and_its_neighbour_is_not(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)) as curator:
        neighbour = Job(job.bus, job.blobs, job.spec, "job-2")
        for one in (job, neighbour):
            await one.ask(ROWS[:3], needed=3)
        await job.answers(2)
        await job.ask_for_dataset()
        await job.dataset()
        await job.bus.send(JobDeleted(job_id="job-1", tenant="default"))

        async def forgotten() -> None:
            for collection in (ROUNDS, DATASETS, TASKS):
                kept = {row["job_id"] for row in await curator.ledger.read.find(collection, {"state": {"$ne": "done"}})}
                assert "job-1" not in kept

        await assert_eventually(forgotten, timeout_seconds=20)
        kept = await curator.ledger.read.find(ROUNDS, {})
    assert [row["job_id"] for row in kept] == ["job-2"]


async def test_the_files_of_a_deleted_job_go_with_it_and_those_of_its_neighbour_stay(
    settings: CuratorSettings,
) -> None:
    async with a_job(settings) as job, running(await build(settings)) as curator:
        neighbour = Job(job.bus, job.blobs, job.spec, "job-2")
        for one in (job, neighbour):
            await one.ask(ROWS[:3], needed=3)
        await job.answers(2)
        for one in (job, neighbour):
            await one.ask_for_dataset()
        published = {told.job_id: told.dataset for told in await job.bus.wait_for(DatasetPublished, 2)}
        await job.bus.send(JobDeleted(job_id="job-1", tenant="default"))

        async def forgotten() -> None:
            assert await curator.ledger.read.count(DATASETS, {"job_id": "job-1"}) == 0

        await assert_eventually(forgotten, timeout_seconds=20)
    home = Path(urlparse(settings.blobs).path)
    left = {
        job_id: [f.path for f in dataset.files if (home / f.blob.key).exists()] for job_id, dataset in published.items()
    }
    assert left == {"job-1": [], "job-2": [file.path for file in published["job-2"].files]}


async def test_without_an_accepted_row_nothing_is_published(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        await job.ask([sample(0, None)], needed=3)
        await job.answers()
        await job.ask_for_dataset(complete=False)
        (failure,) = await job.bus.wait_for(WorkFailed)
    assert (
        failure.code,
        failure.error_class,
        failure.stage,
        failure.message,
    ) == ("nothing_to_publish", "permanent", "publish_dataset", "none of 1 candidates was accepted")


async def test_a_schema_that_refers_to_nothing_is_a_readable_failure(settings: CuratorSettings) -> None:
    spec = job_spec(output=custom({"x": {"$ref": "#/$defs/missing"}}).model_dump())
    async with a_job(settings, spec) as job, running(await build(settings)):
        await job.ask([sample(0, {"x": 1})], needed=1)
        (failure,) = await job.bus.wait_for(WorkFailed)
    assert (failure.code, failure.error_class) == ("unusable_schema", "permanent")
    assert "/$defs/missing" in failure.message


async def test_samples_that_are_not_there_are_a_readable_failure(settings: CuratorSettings) -> None:
    async with a_job(settings) as job, running(await build(settings)):
        request = await job.ask(ROWS[:2], needed=1)
        lost = request.samples[0].model_copy(update={"key": "chunks/lost.jsonl"})
        await job.bus.send(request.model_copy(update={"request_id": "r-lost", "samples": (lost,)}))
        (failure,) = await job.bus.wait_for(WorkFailed)
    assert (failure.request_id, failure.code, failure.error_class) == ("r-lost", "blob_missing", "permanent")
