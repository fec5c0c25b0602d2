"""Datasets on disk as the curator publishes them."""

from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graftwork.contracts.records import OutputSpec
from graftwork.contracts.workflows import SampleRow
from graftwork_curator.columns import Columns
from graftwork_curator.columns import Origin
from graftwork_curator.shards import ShardCutter
from graftwork_curator.shards import shard_sizes

ORIGIN = Origin("job-1", "job-1:node:3", "abc")


def published(
    directory: Path, output: OutputSpec, records: Iterable[Mapping[str, Any]], *, rows_per_shard: int = 100_000
) -> Path:
    """Write a dataset's shards and a card; return the directory."""
    samples = [
        SampleRow(sample_id=f"s{index}", seed_index=index, seed={"topic": "halves"}, output=record)
        for index, record in enumerate(records)
    ]
    columns = Columns(output)
    sizes = shard_sizes(len(samples), rows_per_shard)
    for shard in ShardCutter(columns.schema, sizes=sizes, rows_per_group=500).cut(
        columns.row(sample, ORIGIN) for sample in samples
    ):
        place = directory / shard.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shard.data)
    (directory / "README.md").write_text(f"---\nlicense: {output.license}\n---\n\n# Lessons\n")
    return directory
