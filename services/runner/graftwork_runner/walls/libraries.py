"""Shared libraries that programs and extension modules need, as the loader finds them."""

import re
import subprocess
from collections.abc import Iterable
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from graftwork_runner.errors import WallDown
from graftwork_runner.walls.tools import tool

_ELF = b"\x7fELF"
_LOADED_FROM = re.compile(r"(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_ANSWER_SECONDS = 30.0


def libraries_of(paths: Iterable[Path]) -> list[Path]:
    """Every library that the ELF files in ``paths`` need, the loader included; directories are searched.

    The files are asked of the loader, which may run code of theirs: they have to be trusted.
    """
    found = (library for file in _elf_files(paths) for library in _needed(file))
    return sorted(set(found))


@lru_cache(maxsize=1024)
def _needed(file: Path) -> tuple[Path, ...]:
    listed = subprocess.run(  # noqa: S603 (files of our own installation)
        [tool("ldd"), str(file)], capture_output=True, text=True, check=False, env={}, timeout=_ANSWER_SECONDS
    )
    if "not found" in listed.stdout:
        raise WallDown(f"{file} needs libraries that are not there:\n{listed.stdout}")
    return tuple(Path(path) for path in _LOADED_FROM.findall(listed.stdout))


def _elf_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if _is_elf(file))


def _is_elf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_ELF)) == _ELF
