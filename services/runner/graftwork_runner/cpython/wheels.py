"""Wheels that an operator lets workflows import."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from pathlib import PurePosixPath

from graftwork_runner.errors import SandboxDown

_PURE = "-none-any.whl"


def files_of_wheel(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Path below site-packages -> content. Raises ``SandboxDown`` unless it is a wheel of Python code alone."""
    if not wheel.name.endswith(_PURE):
        raise SandboxDown(f"{wheel} is no wheel of pure Python (*{_PURE})")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and not _outside(wheel, entry.filename):
                    yield entry.filename, archive.read(entry)
    except (OSError, zipfile.BadZipFile) as error:
        raise SandboxDown(f"{wheel} cannot be read: {error}") from error


def _outside(wheel: Path, name: str) -> bool:
    """Whether the file is none that is imported, such as scripts."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise SandboxDown(f"{wheel} holds {name!r}, which would lie elsewhere")
    return path.parts[0].endswith(".data")
