"""Saving a dataset in another format."""

from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graftwork.cli.dataset_files import shards_of
from graftwork.cli.file_formats import FileFormat
from graftwork.cli.placing import placing
from graftwork.cli.row_files import Row
from graftwork.cli.row_files import open_rows
from graftwork.cli.row_files import read_batches
from graftwork.cli.row_files import schema_of
from graftwork.exports.arrow import kinds_of
from graftwork.exports.arrow import schema_after
from graftwork.exports.targets import Conversion
from graftwork.exports.targets import Target
from graftwork.exports.targets import conversion


@dataclass(frozen=True)
class Saved:
    """What was written. ``left_out``: columns of the dataset that the format has no place for."""

    rows: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]


def save(directory: Path, target: Target, file: Path, file_format: FileFormat, *, keep_extras: bool) -> Saved:
    """Write the rows of a dataset to ``file``, all of them or nothing.

    Raises:
        NotADataset: the directory holds none, or a damaged one.
        CannotBecome: its columns do not hold what the format needs.
        RowDoesNotFit: a row does not.
    """
    shards = shards_of(directory)
    schema = schema_of(shards)
    way = conversion(kinds_of(schema), target, keep_extras=keep_extras)
    told = schema_after(way, schema)
    written = 0
    with placing(file) as partial, open_rows(partial, file_format, told) as rows:
        for batch in _converted(read_batches(shards, way.needed), way):
            rows.write(batch)
            written += len(batch)
    return Saved(written, tuple(told.names), way.left_out)


def _converted(batches: Iterable[list[Row]], way: Conversion) -> Iterator[list[Row]]:
    first = 1
    for batch in batches:
        yield [way.convert(number, row) for number, row in enumerate(batch, start=first)]
        first += len(batch)
