"""``graftwork doctor``: what this machine has, one line each, and how to mend what it lacks."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import click

from graftwork.cli.checks import Check
from graftwork.cli.checks import Verdict
from graftwork.cli.checks import all_checks
from graftwork.cli.connection import find_server
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.errors import FAILED

_COLOURS = {Verdict.GOOD: "green", Verdict.NOTE: "yellow", Verdict.BAD: "red"}
WIDTH = 14


@click.command()
@server_options
@json_option
def doctor(url: str | None, key: str | None, *, as_json: bool) -> None:
    """Check what this machine has, and say how to mend what is missing.

    Exit status 1 where something is missing that `graftwork up` needs.
    """
    bad = False
    for check in all_checks(find_server(url, key)):
        bad = bad or check.verdict is Verdict.BAD
        for line in [json.dumps(asdict(check))] if as_json else _lines(check):
            click.echo(line)
    if bad:
        raise SystemExit(FAILED)


def _lines(check: Check) -> Iterator[str]:
    verdict = click.style(f"{check.verdict:<5}", fg=_COLOURS[check.verdict])
    mend = f" -> {check.mend}" if check.mend else ""
    yield f"{verdict} {check.name:<{WIDTH}} {check.found}{mend}"
