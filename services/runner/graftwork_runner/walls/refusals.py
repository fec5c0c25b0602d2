"""What a machine refuses, said as what it means: a wall that cannot be had."""

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import SubprocessError

from graftwork_runner.errors import WallDown
from graftwork_runner.readable import readable


@contextmanager
def refusals_told() -> Iterator[None]:
    """A program that cannot be started or does not end, a directory that cannot be made: raises ``WallDown``."""
    try:
        yield
    except (OSError, SubprocessError) as error:
        raise WallDown(f"this machine refuses what it needs: {readable(str(error))}") from error
