"""Tables of plain text: aligned for people, one row a line for `cut` and `awk`."""

from collections.abc import Iterable
from collections.abc import Sequence

import click

from graftwork.cli.words import on_one_line
from graftwork.cli.words import printable

GAP = "  "


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under a header, the columns as wide as their widest cell."""
    lines = [tuple(header), *(tuple(map(on_one_line, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        click.echo(GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print name and value, one pair a line."""
    pairs = list(fields)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}{GAP}{printable(value)}".rstrip())
