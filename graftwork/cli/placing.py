"""Files that a command writes: never over another one unasked, and whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from graftwork.cli.errors import WouldOverwrite

force_option = click.option("--force", is_flag=True, help="Overwrite FILE.")


def may_write(target: Path, *, force: bool) -> None:
    """Check that nothing is overwritten. Raises ``WouldOverwrite``."""
    if target.exists() and not force:
        raise WouldOverwrite(target)


@contextmanager
def placing(target: Path) -> Iterator[Path]:
    """Give a path to write to; what is there becomes ``target`` on leaving without an error, and is gone otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
