"""``graftwork admin migrations``: versions of the ledgers, on MongoDB itself."""

import dataclasses
import json
import sys

import click
import structlog

from graftwork.admin.ledgers import SERVICES
from graftwork.admin.migrations import LedgerVersion
from graftwork.admin.migrations import apply
from graftwork.admin.migrations import read_versions
from graftwork.cli.admin_options import platform_options
from graftwork.cli.admin_options import settings_of
from graftwork.cli.connection import json_option
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_table

TIME = "%Y-%m-%d %H:%M"
NOTHING = "-"


@click.group()
def migrations() -> None:
    """Show and raise the versions of the ledgers.

    Services do this themselves when they start. Works on MongoDB itself, with the settings of the services.
    """


@migrations.command()
@platform_options
@json_option
def status(mongo: str | None, namespace: str | None, *, as_json: bool) -> None:
    """Show the version of every ledger, and what the release installed here would change.

    A version is two numbers: of the last migration of the collections that all ledgers have, and of the service's own.
    """
    found = run_async(read_versions(settings_of(mongo, namespace)))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], default=str))
    else:
        print_table(("LEDGER", "VERSION", "KNOWN HERE", "LAST CHANGED", "STATE"), map(_row, found))


@migrations.command("apply")
@click.argument("services", nargs=-1, type=click.Choice(SERVICES), metavar="[SERVICE]...")
@platform_options
def apply_migrations(services: tuple[str, ...], mongo: str | None, namespace: str | None) -> None:
    """Run the migrations of SERVICE, by default of all that are installed here, ahead of their start."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # each step is told as it begins
    done = run_async(apply(settings_of(mongo, namespace), services))
    for service, steps in done.items():
        click.echo(f"{service}: {', '.join(steps) if steps else 'nothing to do'}")
    for service in services:
        if service not in done:
            click.echo(f"{service}: left alone: it is not installed here, or has no ledger yet", err=True)


def _row(one: LedgerVersion) -> tuple[str, ...]:
    last = max(one.applied, key=lambda applied: applied.at, default=None)
    changed = NOTHING if last is None else f"{last.at:{TIME}} by {last.release}"
    known = _numbers(one.service, one.newest) if one.newest else "not installed"
    return one.service, _version(one), known, changed, _state(one)


def _version(one: LedgerVersion) -> str:
    if one.versions is not None:
        return _numbers(one.service, one.versions)
    return "before versions" if one.exists else NOTHING


def _numbers(service: str, versions: dict[str, int]) -> str:
    return f"{versions.get('kit', 0)}.{versions.get(service, 0)}"


def _state(one: LedgerVersion) -> str:
    if not one.exists:
        return "no ledger yet"
    if one.migrated_by:
        return f"being migrated by {one.migrated_by}"
    if one.newer:
        return "newer than what is installed here"
    return f"pending: {', '.join(one.pending)}" if one.pending else "up to date" if one.newest else NOTHING
