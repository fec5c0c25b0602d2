import json
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import yaml

from graftwork.contracts.records import OutputSpec
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.blobs import Blobs
from graftwork_curator.acceptance import Acceptance
from graftwork_curator.dedup import SeenRows
from graftwork_curator.publication import Publication
from graftwork_curator.publishing import Publisher
from graftwork_curator.publishing import rejected_path
from graftwork_curator.records import RecordCheck
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.store import Round
from graftwork_curator.verdicts import VerdictWriter
from tests.support.publications import custom
from tests.support.publications import job_spec
from tests.support.publications import pair
from tests.support.publications import publication
from tests.support.publications import sample

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANIMALS = ["otter", "heron", "badger", "lynx", "marten", "stork", "weasel", "raven", "viper", "trout"]
ROWS = [
    *(sample(i, pair(f"{animal}: how does a {animal} share {i} fish?")) for i, animal in enumerate(ANIMALS)),
    sample(10, pair("otter: how does a otter share 0 fish?")),
    sample(11, None, reason="timed_out"),
]


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.open(tmp_path.as_uri())


def settings(**more: int) -> CuratorSettings:
    return CuratorSettings(**more)  # type: ignore[arg-type]


async def judged(blobs: Blobs, rows: Sequence[SampleRow], output: OutputSpec, needed: int, sequence: int) -> Round:
    acceptance = Acceptance(RecordCheck(output), SeenRows(output.near_duplicate_similarity), needed=needed)
    writer = VerdictWriter(blobs, "job-1", rows_per_blob=3)
    await writer.write([acceptance.judge(row) for row in rows])
    accepted, discarded = await writer.finish()
    return Round(
        job_id="job-1",
        sequence=sequence,
        request_id=f"r{sequence}",
        candidates_sha256="0" * 64,
        tally=writer.tally,
        accepted=accepted,
        discarded=discarded,
    )


async def publish(blobs: Blobs, rounds: Sequence[Round], it: Publication | None = None, **sizes: int) -> DatasetSummary:
    return await Publisher(blobs, settings(**sizes), it or publication()).publish(rounds, published_at=NOW)


def paths(summary: DatasetSummary) -> list[str]:
    return [file.path for file in summary.files]


async def test_a_dataset_has_its_files_and_they_hold_every_candidate_once(blobs: Blobs, tmp_path: Path) -> None:
    one = await judged(blobs, ROWS, OutputSpec(), needed=8, sequence=0)
    summary = await publish(blobs, [one], rows_per_shard=3)
    root = tmp_path / summary.location
    assert [
        "README.md",
        *(f"data/train-0000{i}-of-00003.parquet" for i in range(3)),
        "job.yaml",
        "lineage.json",
        "rejected-00000-of-00002.jsonl",
        "rejected-00001-of-00002.jsonl",
    ] == paths(summary)
    table = ds.dataset(root / "data", format="parquet").to_table()
    taken = [row["sample_id"] for row in table.column("graftwork").to_pylist()]
    lines = [line for part in sorted(root.glob("rejected-*")) for line in part.read_text("utf-8").splitlines()]
    left = {told["sample_id"]: told["outcome"] for told in map(json.loads, lines)}
    assert [f"s{i}" for i in range(8)] == taken
    assert left == {"s8": "surplus", "s9": "surplus", "s10": "rejected", "s11": "failed"}
    assert (summary.rows, 8) == (table.num_rows, one.tally.accepted)
    assert [file.blob.rows for file in summary.files if file.path.startswith("data/")] == [3, 3, 2]


async def test_the_cards_paths_and_sizes_match_the_files(blobs: Blobs, tmp_path: Path) -> None:
    one = await judged(blobs, ROWS, OutputSpec(), needed=8, sequence=0)
    summary = await publish(blobs, [one], rows_per_shard=5, rows_per_group=2)
    root = tmp_path / summary.location
    header = yaml.safe_load((root / "README.md").read_text("utf-8").split("---\n")[1])
    (pattern,) = [file["path"] for file in header["configs"][0]["data_files"]]
    shards = sorted(root.glob(pattern))
    assert [root / path for path in paths(summary) if path.startswith("data/")] == shards
    assert sum(shard.stat().st_size for shard in shards) == header["dataset_info"]["download_size"]
    assert sum(pq.read_metadata(s).num_rows for s in shards) == header["dataset_info"]["splits"][0]["num_examples"]
    declared = [feature["name"] for feature in header["dataset_info"]["features"]]
    assert declared == pq.read_schema(shards[0]).names


async def test_publishing_again_writes_the_same_bytes(blobs: Blobs) -> None:
    rounds = [await judged(blobs, ROWS, OutputSpec(), needed=8, sequence=0)]
    assert await publish(blobs, rounds) == await publish(blobs, rounds)


async def test_digests_in_the_summary_are_those_of_the_files(blobs: Blobs) -> None:
    summary = await publish(blobs, [await judged(blobs, ROWS, OutputSpec(), needed=8, sequence=0)])
    contents = [await blobs.get_bytes(file.blob) for file in summary.files]
    assert [file.blob.size_bytes for file in summary.files] == [len(content) for content in contents]


async def test_rounds_follow_each_other_in_the_data(blobs: Blobs, tmp_path: Path) -> None:
    first = await judged(blobs, ROWS[5:8], OutputSpec(), needed=9, sequence=0)
    second = await judged(blobs, ROWS[:4], OutputSpec(), needed=9, sequence=1)
    summary = await publish(blobs, [first, second], rows_per_shard=4)
    table = ds.dataset(tmp_path / summary.location / "data", format="parquet").to_table()
    assert [row["seed_index"] for row in table.column("graftwork").to_pylist()] == [5, 6, 7, 0, 1, 2, 3]


async def test_nothing_discarded_is_an_empty_file_and_not_a_missing_one(blobs: Blobs, tmp_path: Path) -> None:
    summary = await publish(blobs, [await judged(blobs, ROWS[:2], OutputSpec(), needed=2, sequence=0)])
    assert (tmp_path / summary.location / "rejected.jsonl").read_bytes() == b""


async def test_a_nested_schema_is_read_back_as_written(blobs: Blobs, tmp_path: Path) -> None:
    turn = {
        "type": "object",
        "properties": {"who": {"type": "string"}, "marks": {"type": "array", "items": {"type": "integer"}}},
    }
    output = custom({"turns": {"type": "array", "items": turn}, "text": {"type": "string"}})
    record = {"turns": [{"who": "Zoë ½", "marks": [1, 2]}, {"who": "🍕", "marks": []}], "text": "a\nb"}
    one = await judged(blobs, [sample(0, record)], output, needed=1, sequence=0)
    summary = await publish(blobs, [one], publication(job_spec(output=output.model_dump())))
    (row,) = ds.dataset(tmp_path / summary.location / "data", format="parquet").to_table().to_pylist()
    assert record == {name: row[name] for name in record}


def test_one_part_of_rejected_rows_has_a_plain_name() -> None:
    assert (rejected_path(0, 1), rejected_path(1, 2)) == ("rejected.jsonl", "rejected-00001-of-00002.jsonl")
