"""Parquet shards, written one row group at a time: memory holds one compressed shard and one group."""

import io
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DATA_FOLDER = "data"
SPLIT = "train"


def shard_path(index: int, shards: int) -> str:
    """Path of a shard inside the dataset, as the Hugging Face hub names them."""
    return f"{DATA_FOLDER}/{SPLIT}-{index:05d}-of-{shards:05d}.parquet"


def shard_sizes(rows: int, rows_per_shard: int) -> list[int]:
    """Rows of each shard; as even as possible, since readers share work by shard."""
    shards = max(1, -(-rows // rows_per_shard))
    return [rows // shards + (index < rows % shards) for index in range(shards)]


@dataclass(frozen=True)
class Shard:
    """A finished file."""

    path: str
    data: bytes
    rows: int


class ShardCutter:
    """Cuts a stream of rows into files of the planned ``sizes``. The same rows give the same bytes.

    ``arrow_bytes`` is the size in memory of all rows so far.
    """

    def __init__(self, schema: pa.Schema, *, sizes: Sequence[int], rows_per_group: int) -> None:
        self._schema = schema
        self._sizes = sizes
        self._rows_per_group = rows_per_group
        self._file = _ShardFile(schema)
        self._group: list[dict[str, Any]] = []
        self._finished = 0
        self.arrow_bytes = 0

    def cut(self, rows: Iterable[dict[str, Any]]) -> Iterator[Shard]:
        """Add rows; yield the files they complete."""
        for row in rows:
            self._group.append(row)
            full = self._file.rows + len(self._group) == self._sizes[self._finished]
            if full or len(self._group) == self._rows_per_group:
                self.arrow_bytes += self._file.write(self._group)
                self._group = []
            if full:
                yield self._finish()

    def _finish(self) -> Shard:
        shard = Shard(shard_path(self._finished, len(self._sizes)), self._file.finish(), self._file.rows)
        self._file = _ShardFile(self._schema)
        self._finished += 1
        return shard


class _ShardFile:
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._buffer = io.BytesIO()
        self._writer = pq.ParquetWriter(self._buffer, schema, compression="zstd", write_page_index=True)
        self.rows = 0

    def write(self, rows: Sequence[dict[str, Any]]) -> int:
        """Write one row group; return its size in memory."""
        table = pa.Table.from_pylist(list(rows), schema=self._schema)
        self._writer.write_table(table, row_group_size=len(rows))
        self.rows += len(rows)
        return int(table.nbytes)

    def finish(self) -> bytes:
        """Close the file and return its bytes."""
        self._writer.close()
        return self._buffer.getvalue()
