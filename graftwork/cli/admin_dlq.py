"""``graftwork admin dlq``: events that a service could not admit."""

import dataclasses
import json
import sys
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any
from typing import TypeVar

import click

from graftwork.admin.dead_letters import DeadLetterOffice
from graftwork.admin.dead_letters import Found
from graftwork.admin.dead_letters import Wanted
from graftwork.admin.dead_letters import open_dead_letters
from graftwork.admin.letters import Letter
from graftwork.admin.letters import text_of
from graftwork.admin.settings import read_settings
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.payloads import payload_text
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table
from graftwork.kit.clock import SystemClock

F = TypeVar("F", bound=Callable[..., Any])
TIME = "%Y-%m-%d %H:%M:%S"
HEADER = ("TOPIC", "PARTITION", "OFFSET", "WHEN", "SERVICE", "CLASS", "DIED", "STATE", "JOB", "EVENT", "REASON")
REASON_LETTERS = 60
_TOLD_EVERY = 100

class_option = click.option("--class", "error_class", metavar="CLASS", help="Only those that died of this.")
service_option = click.option("--service", help="Only those that this service buried.")


def letters_options(command: F) -> F:
    """Add what names letters of a topic."""
    options = (
        click.argument("topic"),
        click.option("--partition", type=click.IntRange(min=0), default=0, show_default=True, help="Where they lie."),
        click.option("--offset", "offsets", type=click.IntRange(min=0), multiple=True, help="A letter; repeatable."),
        click.option("--all", "everything", is_flag=True, help="All letters of the topic."),
        service_option,
        class_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def dlq() -> None:
    """Look at events that a service could not admit, and send them again or dismiss them.

    Works on Kafka itself, with the settings of the services: GRAFTWORK_KAFKA, GRAFTWORK_NAMESPACE and so on.
    """


@dlq.command("list")
@click.option("--topic", help="Only of this topic, or of the event of that name.")
@service_option
@class_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="The newest so many.")
@json_option
def list_letters(topic: str | None, service: str | None, error_class: str | None, *, limit: int, as_json: bool) -> None:
    """List dead letters, newest first."""
    found = run_async(_newest(topic, _wanted(service, error_class), limit))
    if as_json:
        click.echo(json.dumps([_as_json(letter) for letter in found]))
    else:
        print_table(HEADER, map(_row, found))


@dlq.command()
@click.argument("topic")
@click.argument("partition", type=click.IntRange(min=0))
@click.argument("offset", type=click.IntRange(min=0))
@click.option("--raw", is_flag=True, help="Only the bytes, as they are.")
@json_option
def show(topic: str, partition: int, offset: int, *, raw: bool, as_json: bool) -> None:
    """Show one dead letter: what `list` calls TOPIC, PARTITION and OFFSET."""
    letter, record = run_async(_one(topic, partition, offset))
    value = record.value or b""
    if raw:
        sys.stdout.buffer.write(value)
        return
    headers = [(name, text_of(content)) for name, content in record.headers]
    if as_json:
        click.echo(json.dumps({**_as_json(letter), "headers": headers, "data": text_of(value)}))
        return
    print_fields(_fields(letter))
    click.echo("\nHeaders")
    print_fields(headers)
    click.echo(f"\nKey\n{payload_text(record.key or b'')}\n\nData\n{payload_text(value)}")


@dlq.command()
@letters_options
@click.option("--again", is_flag=True, help="Also those that were replayed or dismissed before.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be sent.")
@yes_option
def replay(
    topic: str, *, partition: int, offsets: tuple[int, ...], everything: bool, service: str | None,
    error_class: str | None, again: bool, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Send dead letters back to TOPIC, as they were, for the service to try again.

    Mend first what they died of. Services that have admitted such an event know it, and pass over it; one that still
    cannot admit it buries it again, as a new letter.
    """
    _check_named(offsets, everything=everything, narrowed=bool(service or error_class))
    name, found = run_async(_chosen(topic, partition, offsets, wanted=_wanted(service, error_class), again=again))
    _tell_passed_over(found, ": --again sends them too")
    if dry_run:
        click.echo(f"{_letters(found.count)} would be sent to {name}")
    elif not found.count:
        click.echo("Nothing to replay")
    else:
        confirm(f"Send {_letters(found.count)} to {name} again?", yes=yes)
        run_async(_send(name, found))
        click.echo(f"Sent {_letters(found.count)} to {name}")


@dlq.command()
@letters_options
@click.option("--dry-run", is_flag=True, help="Only tell what would be dismissed.")
@yes_option
def dismiss(
    topic: str, *, partition: int, offsets: tuple[int, ...], everything: bool, service: str | None,
    error_class: str | None, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Note of dead letters of TOPIC that nobody wants them back: nothing is sent, and they wait no more.

    For junk, and for letters that were cut. They stay to be looked at until their time is over, and `replay --again`
    sends those that are whole after all.
    """
    _check_named(offsets, everything=everything, narrowed=bool(service or error_class))
    name, found = run_async(_chosen(topic, partition, offsets, wanted=_wanted(service, error_class), cut=True))
    _tell_passed_over(found)
    if dry_run:
        click.echo(f"{_letters(found.count)} of {name} would be dismissed")
    elif not found.count:
        click.echo("Nothing to dismiss")
    else:
        confirm(f"Dismiss {_letters(found.count)} of {name}?", yes=yes)
        run_async(_dismiss(name, found))
        click.echo(f"Dismissed {_letters(found.count)} of {name}")


def _check_named(offsets: tuple[int, ...], *, everything: bool, narrowed: bool) -> None:
    if everything == bool(offsets):
        raise click.UsageError("name letters with --offset, or take --all")
    if offsets and narrowed:
        raise click.UsageError("--service and --class choose among --all")


@asynccontextmanager
async def _office() -> AsyncIterator[DeadLetterOffice]:
    async with open_dead_letters(read_settings(), SystemClock()) as office:
        yield office


async def _newest(topic: str | None, wanted: Wanted, limit: int) -> list[Letter]:
    async with _office() as office:
        topics = office.topics if topic is None else [office.topic_named(topic)]
        found: list[Letter] = []
        for name in topics:
            found += await office.letters(name, wanted=wanted, limit=limit)
            found = sorted(found, key=lambda letter: letter.at, reverse=True)[:limit]
        return found


async def _one(topic: str, partition: int, offset: int) -> tuple[Letter, Any]:
    async with _office() as office:
        return await office.letter(office.topic_named(topic), partition, offset)


async def _chosen(
    topic: str, partition: int, offsets: tuple[int, ...], *, wanted: Wanted, again: bool = False, cut: bool = False
) -> tuple[str, Found]:
    async with _office() as office:
        name = office.topic_named(topic)
        if offsets:
            return name, await office.choose(name, partition, offsets, again=again, cut=cut)
        return name, await office.find(name, wanted=wanted, again=again, cut=cut)


async def _send(topic: str, found: Found) -> None:
    async with _office() as office:
        await _tell_progress(office.replay(topic, found.offsets), found)


async def _dismiss(topic: str, found: Found) -> None:
    async with _office() as office:
        await _tell_progress(office.dismiss(topic, found.offsets), found)


async def _tell_progress(done: AsyncIterator[int], found: Found) -> None:
    async for count in done:
        if count % _TOLD_EVERY == 0:
            click.echo(f"{count} of {found.count}", err=True)


def _wanted(service: str | None, error_class: str | None) -> Wanted:
    def wanted(letter: Letter) -> bool:
        return service in {None, letter.service} and error_class in {None, letter.error_class}

    return wanted


def _tell_passed_over(found: Found, hint: str = "") -> None:
    if found.replayed:
        click.echo(f"{_letters(found.replayed)} passed over, replayed before{hint}", err=True)
    if found.dismissed:
        click.echo(f"{_letters(found.dismissed)} passed over, dismissed before{hint}", err=True)
    if found.truncated:
        click.echo(f"{_letters(found.truncated)} passed over, not kept whole: too large", err=True)


def _letters(count: int) -> str:
    return "1 letter" if count == 1 else f"{count} letters"


def _row(letter: Letter) -> tuple[str, ...]:
    reason = letter.reason if len(letter.reason) <= REASON_LETTERS else f"{letter.reason[:REASON_LETTERS]}..."
    return (
        letter.topic,
        str(letter.partition),
        str(letter.offset),
        f"{letter.at:{TIME}}",
        letter.service,
        letter.error_class,
        str(letter.attempts),
        _state(letter),
        letter.job_id,
        letter.event_id,
        reason,
    )


def _state(letter: Letter) -> str:
    if letter.fate is None:
        return "waits" if letter.truncated is None else "cut"
    return f"{letter.fate} {letter.replayed_at or letter.dismissed_at}"


def _fields(letter: Letter) -> list[tuple[str, str]]:
    told = {
        "event": f"{letter.event_type} {letter.event_id}",
        "job": letter.job_id,
        "from": f"{letter.topic} partition {letter.origin_partition} offset {letter.origin_offset}",
        "buried by": f"{letter.service}, {letter.at:{TIME}}",
        "class": letter.error_class,
        "reason": letter.reason,
        "died": f"{letter.attempts} times, first {letter.first_at or letter.at:{TIME}}",
        "replayed": letter.replayed_at or "no",
        "dismissed": letter.dismissed_at or "no",
    }
    return [*told.items(), *([] if letter.truncated is None else [("cut", letter.truncated)])]


def _as_json(letter: Letter) -> dict[str, Any]:
    told = dataclasses.asdict(letter)
    times = {name: value.isoformat() for name in ("at", "first_at") if (value := told[name]) is not None}
    return {**told, **times}
