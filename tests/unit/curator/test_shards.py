import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from graftwork_curator.shards import Shard
from graftwork_curator.shards import ShardCutter
from graftwork_curator.shards import shard_path
from graftwork_curator.shards import shard_sizes

SCHEMA = pa.schema([("n", pa.int64())])


def cut(rows: int, *, rows_per_shard: int, rows_per_group: int, step: int) -> tuple[list[Shard], int]:
    cutter = ShardCutter(SCHEMA, sizes=shard_sizes(rows, rows_per_shard), rows_per_group=rows_per_group)
    numbers = [{"n": n} for n in range(rows)]
    return [s for i in range(0, rows, step) for s in cutter.cut(numbers[i : i + step])], cutter.arrow_bytes


def read(shard: Shard) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(shard.data)).to_pylist()
    return rows


@given(st.integers(1, 60), st.integers(1, 25), st.integers(1, 12), st.integers(1, 60))
def test_shards_hold_every_row_once_in_order(rows: int, per_shard: int, per_group: int, step: int) -> None:
    shards, arrow_bytes = cut(rows, rows_per_shard=per_shard, rows_per_group=per_group, step=step)
    assert list(range(rows)) == [row["n"] for shard in shards for row in read(shard)]
    assert [shard_path(i, len(shards)) for i in range(len(shards))] == [shard.path for shard in shards]
    sizes = [len(read(shard)) for shard in shards]
    assert max(sizes) <= per_shard
    assert max(sizes) - min(sizes) <= 1
    assert arrow_bytes >= 8 * rows


def test_the_bytes_do_not_depend_on_how_rows_arrive() -> None:
    one, _ = cut(50, rows_per_shard=20, rows_per_group=7, step=50)
    other, _ = cut(50, rows_per_shard=20, rows_per_group=7, step=3)
    assert one == other


def test_row_groups_have_the_size_asked_for() -> None:
    (shard,), _ = cut(10, rows_per_shard=10, rows_per_group=4, step=10)
    metadata = pq.ParquetFile(io.BytesIO(shard.data)).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [4, 4, 2]


def test_paths_are_those_of_the_hub() -> None:
    assert shard_path(1, 12) == "data/train-00001-of-00012.parquet"
