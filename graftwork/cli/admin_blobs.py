"""``graftwork admin blobs``: payloads that nobody needs any more."""

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

import click

from graftwork.admin.blob_groups import Group
from graftwork.admin.garbage import Survey
from graftwork.admin.garbage import Total
from graftwork.admin.garbage import require_known
from graftwork.admin.garbage import survey
from graftwork.admin.garbage import sweep
from graftwork.admin.references import open_references
from graftwork.admin.settings import read_settings
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_table
from graftwork.cli.words import bytes_short
from graftwork.kit.clock import SystemClock
from graftwork.kit.service import open_blobs

TIME = "%Y-%m-%d %H:%M"
SHOWN = 50
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LEAST = timedelta(hours=1)
_TOLD_EVERY = 100_000


def _age(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no age: 90m, 24h or 7d")
    age = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if age < _LEAST:
        raise click.BadParameter("what was written within the last hour may be about to be used")
    return age


@click.group()
def blobs() -> None:
    """Look after the blob store.

    Works on the store and MongoDB themselves, with the settings of the services: GRAFTWORK_BLOBS, GRAFTWORK_MONGO and
    so on.
    """


@blobs.command()
@click.option(
    "--older-than",
    metavar="AGE",
    callback=_age,
    default="24h",
    show_default=True,
    help="Only what was not written to for so long: 90m, 24h, 7d.",
)
@click.option("--none-known", is_flag=True, help="Go on where the ledgers have heard of none of the jobs.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@yes_option
@json_option
def gc(*, older_than: timedelta, none_known: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete payloads of jobs and datasets that are gone.

    Deleting a job deletes its payloads; what is found here was left by a publication or an upload that went on
    meanwhile, or by a store that was away for long. A job that lives keeps all of its payloads. Files that are not
    named as ours are left alone.
    """
    cutoff = SystemClock().now() - older_than
    settings = read_settings()
    found = run_async(_survey(cutoff))
    if not (none_known or dry_run):
        require_known(found, settings.blobs)
    if not as_json:
        _print(found)
    deleted: list[Group] = []
    if found.garbage and not dry_run:
        total = found.total
        confirm(f"Delete {_said(total)} of {len(found.garbage)} jobs and datasets?", yes=yes)
        deleted = run_async(_sweep(found.garbage, cutoff))
    if as_json:
        click.echo(json.dumps(_as_json(found, deleted)))
    elif found.garbage and not dry_run:
        click.echo(f"Deleted {_said(_sum(deleted))}")


async def _survey(cutoff: datetime) -> Survey:
    settings = read_settings()
    told = 0

    def tell(files: int) -> None:
        nonlocal told
        if files - told >= _TOLD_EVERY:
            told = files
            click.echo(f"{files} files listed", err=True)

    async with open_references(settings) as ledgers:
        return await survey(open_blobs(settings), ledgers, cutoff, on_progress=tell)


async def _sweep(garbage: Sequence[Group], cutoff: datetime) -> list[Group]:
    settings = read_settings()
    deleted: list[Group] = []
    async with open_references(settings) as ledgers:
        async for group in sweep(open_blobs(settings), ledgers, garbage, cutoff):
            deleted.append(group)
            if len(deleted) % SHOWN == 0:
                click.echo(f"{len(deleted)} of {len(garbage)} deleted", err=True)
    return deleted


def _print(found: Survey) -> None:
    if found.garbage:
        print_table(("PREFIX", "FILES", "SIZE", "NEWEST"), map(_row, found.garbage[:SHOWN]))
        if len(found.garbage) > SHOWN:
            click.echo(f"... and {len(found.garbage) - SHOWN} more, all smaller")
        click.echo()
    click.echo(f"Nobody needs {_said(found.total)}; in use are {_said(found.used)}")
    if found.young.files:
        click.echo(f"Too young to be sure: {_said(found.young)}")
    if found.foreign.files:
        click.echo(f"Not ours, left alone: {_said(found.foreign)}")


def _row(group: Group) -> tuple[str, ...]:
    return group.prefix, str(group.files), bytes_short(group.size_bytes), f"{group.newest:{TIME}}"


def _said(total: Total) -> str:
    files = "1 file" if total.files == 1 else f"{total.files} files"
    return f"{files} ({bytes_short(total.size_bytes)})"


def _sum(groups: Sequence[Group]) -> Total:
    return Total(sum(one.files for one in groups), sum(one.size_bytes for one in groups))


def _as_json(found: Survey, deleted: Sequence[Group]) -> dict[str, Any]:
    garbage = [{**dataclasses.asdict(one), "newest": one.newest.isoformat()} for one in found.garbage]
    totals = {name: dataclasses.asdict(getattr(found, name)) for name in ("used", "young", "foreign")}
    return {"garbage": garbage, **totals, "known": found.known, "deleted": dataclasses.asdict(_sum(deleted))}
