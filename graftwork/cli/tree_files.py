"""Pictures of a tree as files."""

from collections.abc import Callable
from pathlib import Path

import click

from graftwork.cli.placing import placing
from graftwork.contracts.rest import TreeView


def write_pictures(view: TreeView, *, svg_file: Path | None, html_file: Path | None, aside: bool) -> None:
    """Write what was asked for, and say where it lies; ``aside``: on standard error, the output being a program's."""
    from graftwork.exports.tree.page import page  # noqa: PLC0415 (most calls of the command draw in the terminal)
    from graftwork.exports.tree.svg import svg  # noqa: PLC0415

    for file, draw in ((svg_file, svg), (html_file, page)):
        if file is not None:
            _write(file, draw, view)
            click.echo(str(file.absolute()), err=aside)


def _write(file: Path, draw: Callable[[TreeView], str], view: TreeView) -> None:
    with placing(file) as partial:
        partial.write_text(draw(view), encoding="utf-8")
