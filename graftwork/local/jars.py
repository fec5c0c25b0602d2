"""Kafka's jars: fetched once with jgo, then kept.

Run by path as ``python -P jars.py DIRECTORY COORDINATE...``, a child process: it is ten seconds of work for
one core, which would hold up an event loop, and this way it can be stopped at any moment.

Only jgo's resolver is used. Its environments would have it look for a JDK 11 to sort the jars with, and take
one that an interrupted download left behind for whole.
"""

import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import FrameType

from jgo.maven import MavenContext
from jgo.parse import Coordinate

DOWNLOADS_AT_ONCE = 8


def fetch(directory: Path, coordinates: list[str]) -> None:
    """Fetch the artifacts and all they need into ``directory``, which appears whole or not at all."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".fetching-") as scratch:
        jars = _download(Path(scratch, "repository"), coordinates)
        whole = Path(scratch, "jars")
        whole.mkdir()
        for jar in jars:
            jar.rename(whole / jar.name)
        _publish(whole, directory)


def _download(repository: Path, coordinates: list[str]) -> list[Path]:
    """Return the paths of the jars; jgo checks each against the digest beside it."""
    context = MavenContext(repo_cache=repository)
    wanted = [context.create_dependency(replace(Coordinate.parse(each), scope="compile")) for each in coordinates]
    direct, transitive = context.resolver.resolve(wanted)
    needed = [*direct, *(each for each in transitive if each.scope in {"compile", "runtime"})]
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        return list(pool.map(lambda dependency: dependency.artifact.resolve(), needed))


def _publish(whole: Path, directory: Path) -> None:
    try:
        whole.rename(directory)
    except OSError:
        if not directory.is_dir():  # else another process was quicker, with the same jars
            raise


def _exit(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)  # as an exception, so that the scratch directory goes


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _exit)
    fetch(Path(sys.argv[1]), sys.argv[2:])
