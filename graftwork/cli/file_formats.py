"""Formats of files with rows, and the suffixes that tell them."""

from enum import StrEnum
from pathlib import Path

import click


class FileFormat(StrEnum):
    """How rows lie in a file."""

    PARQUET = "parquet"
    JSONL = "jsonl"
    CSV = "csv"


_BY_SUFFIX = {
    ".parquet": FileFormat.PARQUET,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".csv": FileFormat.CSV,
}


def format_of(file: Path, named: str | None) -> FileFormat:
    """Return the format that was named, else the one of the file's suffix. Raises ``UsageError``."""
    if named is not None:
        return FileFormat(named)
    if file.suffix not in _BY_SUFFIX:
        raise click.UsageError(f"what format is {file.name}? Name one with --format: {', '.join(FileFormat)}")
    return _BY_SUFFIX[file.suffix]
