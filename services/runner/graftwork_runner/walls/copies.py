"""Copies of programs, where the user behind a wall can read them."""

import shutil
from pathlib import Path

from graftwork_runner.walls.private import PrivateDirectory


class Copies:
    """Made when first asked for, and removed in the end. Whoever uses the machine can read them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._home: PrivateDirectory | None = None
        self._made: dict[Path, Path] = {}

    def of(self, path: Path) -> Path:
        """Where the copy of a file or directory lies."""
        if path not in self._made:
            self._home = self._home or PrivateDirectory(self._name)
            self._made[path] = copied(path, self._home.path / str(len(self._made)) / path.name)
        return self._made[path]

    def close(self) -> None:
        """Remove them."""
        if self._home is not None:
            self._home.close()


def copied(path: Path, place: Path) -> Path:
    """Copy a file or directory to ``place``; links inside a directory stay links. Returns ``place``."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True)
        place.chmod(0o755)
    else:
        shutil.copyfile(path, place)
        place.chmod(0o555)
    return place
