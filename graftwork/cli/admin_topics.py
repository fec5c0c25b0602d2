"""``graftwork admin topics``: the topics of a platform on its Kafka."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import timedelta

import click

from graftwork.admin.settings import read_settings
from graftwork.admin.topics import LARGEST
from graftwork.admin.topics import PARTITIONS
from graftwork.admin.topics import RETENTION
from graftwork.admin.topics import Change
from graftwork.admin.topics import Topic
from graftwork.admin.topics import apply
from graftwork.admin.topics import plan
from graftwork.admin.topics import read_topics
from graftwork.admin.topics import wanted_topics
from graftwork.cli.connection import json_option
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_table
from graftwork.kit.settings import ServiceSettings

MISSING = "missing"
MS_A_DAY = 24 * 3600 * 1000
KEYS_MOVE = (
    "A topic that gets more partitions puts jobs into others than before, so that events of one job may be read in "
    "another order for a while: services take events in any order."
)


@click.group()
def topics() -> None:
    """Make the topics of a platform, and keep them as they should be.

    Works on Kafka itself, with the settings of the services: GRAFTWORK_KAFKA, GRAFTWORK_NAMESPACE and so on.
    """


@topics.command("list")
@json_option
def list_topics(*, as_json: bool) -> None:
    """List every topic there should be, as it is."""
    settings = read_settings()
    wanted, found = wanted_topics(settings), run_async(read_topics(settings))
    if as_json:
        click.echo(json.dumps([{"name": one.name, "found": _as_json(found.get(one.name))} for one in wanted]))
    else:
        rows = [_row(one.name, found.get(one.name)) for one in wanted]
        print_table(("TOPIC", "PARTITIONS", "REPLICAS", "RETENTION", "LARGEST EVENT"), rows)


@topics.command("apply")
@click.option(
    "--partitions", type=click.IntRange(min=1), help="Of every topic (GRAFTWORK_TOPIC_PARTITIONS; 3; in production 24)."
)
@click.option("--replicas", type=click.IntRange(min=1), help="Of new topics (GRAFTWORK_TOPIC_REPLICAS; 1).")
@click.option("--retention-days", type=click.FloatRange(min=0, min_open=True), help="How long events are kept: 7.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@json_option
def apply_topics(
    partitions: int | None, replicas: int | None, retention_days: float | None, *, dry_run: bool, as_json: bool
) -> None:
    """Make the topics that are missing, and raise what is less than it should be.

    Nothing is lowered. Doing it again changes nothing.
    """
    settings = _settings(partitions, replicas)
    wanted = wanted_topics(settings, retention=_retention(retention_days, settings))
    changes = run_async(_apply(settings, wanted, dry_run=dry_run))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(change) for change in changes]))
        return
    if changes:
        print_table(("TOPIC", "WHAT", "IS", "WANTED", ""), [_change(change, dry_run=dry_run) for change in changes])
    else:
        click.echo(f"All {len(wanted)} topics are as they should be")
    if any(change.what == PARTITIONS and change.before and not change.why_not for change in changes):
        click.echo(KEYS_MOVE, err=True)


async def _apply(settings: ServiceSettings, wanted: Sequence[Topic], *, dry_run: bool) -> list[Change]:
    changes = plan(wanted, await read_topics(settings))
    if not dry_run:
        await apply(settings, wanted, changes)
    return changes


def _settings(partitions: int | None, replicas: int | None) -> ServiceSettings:
    named = {"topic_partitions": partitions, "topic_replicas": replicas}
    return read_settings(**{name: value for name, value in named.items() if value is not None})


def _retention(days: float | None, settings: ServiceSettings) -> timedelta | None:
    """Services remember events for ``retention_days``: one that is read again later would be taken for a new one."""
    if days is not None and days >= settings.retention_days:
        raise click.BadParameter(
            f"must be less than the {settings.retention_days:g} days for which services know events they have admitted "
            "(GRAFTWORK_RETENTION_DAYS)",
            param_hint="--retention-days",
        )
    return None if days is None else timedelta(days=days)


def _as_json(topic: Topic | None) -> dict[str, object] | None:
    return None if topic is None else dataclasses.asdict(topic)


def _row(name: str, topic: Topic | None) -> tuple[str, ...]:
    if topic is None:
        return name, MISSING, "", "", ""
    numbers = (_number(what, topic.numbers[what]) for what in (RETENTION, LARGEST))
    return name, str(topic.partitions), str(topic.replicas), *numbers


def _change(change: Change, *, dry_run: bool) -> tuple[str, ...]:
    before = MISSING if change.before is None else _number(change.what, change.before)
    done = "would be made" if dry_run else "made"
    left = f"left: {change.why_not}" if change.why_not else done
    return change.topic, change.what, before, _number(change.what, change.after), left


def _number(what: str, value: int) -> str:
    if what == RETENTION:
        return "for ever" if value < 0 else f"{value / MS_A_DAY:g} d"
    return f"{value:,} B" if what == LARGEST else str(value)
