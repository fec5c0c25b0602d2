"""Rows out of Parquet shards and into files: memory holds one batch, whatever the dataset's size."""

import csv
import json
from abc import ABC
from abc import abstractmethod
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from graftwork.cli.errors import NotADataset
from graftwork.cli.file_formats import FileFormat

ROWS_PER_BATCH = 1024
Row = dict[str, Any]


def schema_of(shards: Sequence[Path]) -> pa.Schema:
    """Return the schema that all shards have. Raises ``NotADataset`` where they differ, or one is no Parquet file."""
    first = _schema(shards[0])
    for shard in shards[1:]:
        if not _schema(shard).equals(first):
            raise NotADataset(f"{shard} has other columns than {shards[0]}")
    return first


def _schema(shard: Path) -> pa.Schema:
    try:
        return pq.read_schema(shard)
    except pa.ArrowException as error:
        raise NotADataset(f"{shard} is no Parquet file: {_first_line(error)}") from error


def read_batches(shards: Iterable[Path], columns: Sequence[str]) -> Iterator[list[Row]]:
    """Give the rows of all shards in order, batch by batch, with these columns.

    Raises:
        NotADataset: a shard is damaged.
    """
    for shard in shards:
        try:
            with pq.ParquetFile(shard) as file:
                for batch in file.iter_batches(batch_size=ROWS_PER_BATCH, columns=list(columns)):
                    yield batch.to_pylist()
        except pa.ArrowException as error:
            raise NotADataset(f"{shard} is damaged: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class RowFile(ABC):
    """A file that rows are appended to."""

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""


class ParquetRows(RowFile):
    """Rows as a group of a Parquet file."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema

    @override
    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))


class JsonRows(RowFile):
    """A row a line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @override
    def write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(f"{_json(row)}\n" for row in rows)


class CsvRows(RowFile):
    """A row a record, below a header (RFC 4180, but lines end in a line feed); lists and objects are JSON."""

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(columns)

    @override
    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows([_cell(value) for value in row.values()] for row in rows)


@contextmanager
def open_rows(path: Path, file_format: FileFormat, schema: pa.Schema) -> Iterator[RowFile]:
    """Open a new file for rows of this schema."""
    if file_format is FileFormat.PARQUET:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            yield ParquetRows(writer, schema)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        yield JsonRows(file) if file_format is FileFormat.JSONL else CsvRows(file, schema.names)


def _cell(value: Any) -> Any:
    return "" if value is None else value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
