"""Writing downloaded files: whole, checked, and only inside the directory that was asked for."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from graftwork.client.errors import DamagedFile
from graftwork.contracts.rest import DatasetFileView


class CheckedWriter:
    """Writes a file and its digest at the same time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append ``chunk``."""
        self._file.write(chunk)
        self._digest.update(chunk)

    @property
    def sha256(self) -> str:
        """Hex digest of all that was written."""
        return self._digest.hexdigest()


def place(directory: Path, file: DatasetFileView) -> Path:
    """Return where a dataset's file goes. Raises ``DamagedFile`` where that is outside ``directory``."""
    target = (directory / file.path).resolve()
    if not target.is_relative_to(directory.resolve()):
        raise DamagedFile(f"the dataset names a file outside its directory: {file.path}")
    return target


def is_there(target: Path, file: DatasetFileView) -> bool:
    """Tell whether the file was downloaded before, and whole."""
    if not target.is_file() or target.stat().st_size != file.size_bytes:
        return False
    with target.open("rb") as there:
        return hashlib.file_digest(there, "sha256").hexdigest() == file.sha256


@contextmanager
def writing(target: Path, file: DatasetFileView) -> Iterator[CheckedWriter]:
    """Let ``target`` appear whole or not at all. Raises ``DamagedFile`` on exit where the digest differs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        with partial.open("wb") as opened:
            writer = CheckedWriter(opened)
            yield writer
        if writer.sha256 != file.sha256:
            raise DamagedFile(f"{file.path} was damaged on the way: its digest differs from the server's")
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
