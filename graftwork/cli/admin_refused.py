"""``graftwork admin refused``: events that Kafka would not take."""

import dataclasses
import json
from typing import Any

import click

from graftwork.admin.ledgers import SERVICES
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.refused import Refusal
from graftwork.admin.refused import drop as drop_events
from graftwork.admin.refused import refusal
from graftwork.admin.refused import refusals
from graftwork.admin.refused import retry as retry_events
from graftwork.admin.settings import read_settings
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.payloads import payload_text
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table

TIME = "%Y-%m-%d %H:%M:%S"
HEADER = ("SERVICE", "EVENT", "WHEN", "JOB", "ID", "REASON")
REASON_LETTERS = 80
_ALL = 1_000_000

ids_argument = click.argument("event_ids", metavar="[ID]...", nargs=-1)
all_option = click.option("--all", "everything", is_flag=True, help="All events that were refused.")


@click.group()
def refused() -> None:
    """Look at events that Kafka refused for good, and have them sent again.

    They lie in the ledgers of their senders. Works on MongoDB itself, with the settings of the services:
    GRAFTWORK_MONGO, GRAFTWORK_NAMESPACE and so on.
    """


@refused.command("list")
@click.option("--service", type=click.Choice(SERVICES), help="Only those of this sender.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="The oldest so many.")
@json_option
def list_refused(service: str | None, limit: int, *, as_json: bool) -> None:
    """List events that were refused, oldest first."""
    found = run_async(_found(service, limit))
    if as_json:
        click.echo(json.dumps([_as_json(one) for one in found]))
    else:
        print_table(HEADER, map(_row, found))


@refused.command()
@click.argument("event_id", metavar="ID")
def show(event_id: str) -> None:
    """Show the event ID, and why it was refused."""

    async def question() -> tuple[Refusal, dict[str, Any]]:
        async with open_ledgers(read_settings()) as ledgers:
            return await refusal(ledgers, event_id)

    one, row = run_async(question())
    told = dataclasses.asdict(one)
    print_fields([(name.replace("_", " "), str(value)) for name, value in told.items()])
    click.echo(f"\nData\n{payload_text(bytes(row['value']))}")


@refused.command()
@ids_argument
@all_option
@yes_option
def retry(event_ids: tuple[str, ...], *, everything: bool, yes: bool) -> None:
    """Have events sent again, by the services that told them. Mend first what they were refused for."""
    chosen = run_async(_chosen(event_ids, everything=everything))
    if not chosen:
        click.echo("No event was refused")
        return
    confirm(f"Send {_events(len(chosen))} again?", yes=yes)

    async def work() -> int:
        async with open_ledgers(read_settings()) as ledgers:
            return await retry_events(ledgers, chosen)

    click.echo(f"{_events(run_async(work()))} back in the outbox: their services send them now")


@refused.command()
@ids_argument
@all_option
@yes_option
def drop(event_ids: tuple[str, ...], *, everything: bool, yes: bool) -> None:
    """Forget events: nobody will ever hear of them."""
    chosen = run_async(_chosen(event_ids, everything=everything))
    confirm(f"Forget {_events(len(chosen))} for ever?", yes=yes)

    async def work() -> int:
        async with open_ledgers(read_settings()) as ledgers:
            return await drop_events(ledgers, chosen)

    click.echo(f"Dropped {_events(run_async(work()))}")


async def _found(service: str | None, limit: int) -> list[Refusal]:
    async with open_ledgers(read_settings()) as ledgers:
        return await refusals(ledgers, service=service, limit=limit)


async def _chosen(event_ids: tuple[str, ...], *, everything: bool) -> list[Refusal]:
    if everything == bool(event_ids):
        raise click.UsageError("name events by their ids, or take --all")
    async with open_ledgers(read_settings()) as ledgers:
        if everything:
            return await refusals(ledgers, limit=_ALL)
        return [(await refusal(ledgers, one))[0] for one in event_ids]


def _row(one: Refusal) -> tuple[str, ...]:
    reason = one.reason if len(one.reason) <= REASON_LETTERS else f"{one.reason[:REASON_LETTERS]}..."
    return one.service, one.event, f"{one.at:{TIME}}", one.job_id, one.event_id, reason


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _as_json(one: Refusal) -> dict[str, Any]:
    return {**dataclasses.asdict(one), "at": one.at.isoformat()}
