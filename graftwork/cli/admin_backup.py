"""``graftwork admin backup``: backups of a whole platform, on MongoDB, Kafka and the blob store themselves."""

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

import click

from graftwork.admin.archive import Archive
from graftwork.admin.backup import Backup
from graftwork.admin.errors import BackupFailed
from graftwork.admin.errors import BackupInvalid
from graftwork.admin.manifest import Manifest
from graftwork.admin.restore import Restore
from graftwork.admin.restore import verify
from graftwork.cli.admin_options import platform_options
from graftwork.cli.admin_options import settings_of
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.running import run_async
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table
from graftwork.kit.clock import SystemClock
from graftwork.kit.service import open_blobs
from graftwork.kit.settings import ServiceSettings

TIME = "%Y-%m-%d %H:%M:%S"

place_argument = click.argument("place", metavar="DIR|URL")
backup_argument = click.argument("backup_id", metavar="[ID]", required=False)


@click.group()
def backup() -> None:
    """Back a platform up, and restore it.

    A backup is a folder in DIR, or in a bucket at s3://, gs:// or az://: every ledger as it was at one moment, the
    events that were on their way then, and the payloads. Services may run while it is made, and must not while it is
    restored. Works with the settings of the services: GRAFTWORK_MONGO, GRAFTWORK_KAFKA, GRAFTWORK_BLOBS and so on.
    """


@backup.command()
@place_argument
@click.option(
    "--blobs/--no-blobs",
    default=True,
    help="With the payloads, or without them where their store keeps versions itself.",
)
@platform_options
@json_option
def create(place: str, mongo: str | None, namespace: str | None, *, blobs: bool, as_json: bool) -> None:
    """Make a backup in DIR or at URL, and print its name."""
    settings = settings_of(mongo, namespace)
    manifest = run_async(_create(settings, place, blobs=blobs))
    click.echo(manifest.model_dump_json() if as_json else manifest.id)


@backup.command("list")
@place_argument
@json_option
def list_backups(place: str, *, as_json: bool) -> None:
    """List the backups in DIR or at URL, oldest first."""
    found = run_async(_archive(settings_of(), place).manifests())
    if as_json:
        click.echo(f"[{','.join(manifest.model_dump_json() for manifest in found)}]")
    else:
        print_table(("ID", "AS OF (UTC)", "RELEASE", "NAMESPACE", "ROWS", "PAYLOADS", "BYTES"), map(_row, found))


@backup.command()
@place_argument
@backup_argument
@click.option("--verify", "checked", is_flag=True, help="Compare every file with its digest.")
@json_option
def show(place: str, backup_id: str | None, *, checked: bool, as_json: bool) -> None:
    """Show what the backup ID holds; the newest where no ID is given."""
    manifest = run_async(_shown(_archive(settings_of(), place), backup_id, checked=checked))
    if as_json:
        click.echo(manifest.model_dump_json())
        return
    print_fields(_fields(manifest, checked=checked))


@backup.command()
@place_argument
@backup_argument
@click.option("--force", is_flag=True, help="Drop the databases that are there.")
@click.option("--blobs/--no-blobs", default=True, help="Bring the payloads back, or leave them as they are.")
@click.option(
    "--rewind-kafka/--no-kafka", "kafka", default=True, help="Bring Kafka to the moment of the backup as well."
)
@platform_options
@yes_option
def restore(
    place: str, backup_id: str | None, mongo: str | None, namespace: str | None, *, force: bool, blobs: bool,
    kafka: bool, yes: bool,
) -> None:  # fmt: skip
    """Restore the backup ID, the newest where no ID is given, into a platform whose services are stopped.

    Every file is checked first. Indexes are made by the services when they start.
    """
    settings = settings_of(mongo, namespace)
    if force:
        confirm(f"Drop the databases of namespace {settings.namespace}?", yes=yes)
    manifest = run_async(_restore(settings, place, backup_id, force=force, blobs=blobs, kafka=kafka))
    click.echo(f"Restored {manifest.id}: start the services")


async def _create(settings: ServiceSettings, place: str, *, blobs: bool) -> Manifest:
    archive, at = _archive(settings, place), SystemClock().now().astimezone(UTC)
    payloads = open_blobs(settings) if blobs else None
    if payloads is not None and f"{archive.store.uri_of('')}".startswith(payloads.uri_of("")):
        raise BackupFailed(f"{place} lies inside the blob store that it would hold: choose another place")
    return await Backup(settings=settings, archive=archive, blobs=payloads, at=at, told=_tell).make()


async def _restore(
    settings: ServiceSettings, place: str, backup_id: str | None, *, force: bool, blobs: bool, kafka: bool
) -> Manifest:
    archive = _archive(settings, place)
    manifest = await _named_or_newest(archive, backup_id)
    await Restore(
        settings=settings,
        archive=archive,
        manifest=manifest,
        blobs=open_blobs(settings) if blobs else None,
        kafka=kafka,
        force=force,
        told=_tell,
    ).run()
    return manifest


async def _shown(archive: Archive, backup_id: str | None, *, checked: bool) -> Manifest:
    manifest = await _named_or_newest(archive, backup_id)
    if checked:
        await verify(archive, manifest, blobs=True)
    return manifest


async def _named_or_newest(archive: Archive, backup_id: str | None) -> Manifest:
    if backup_id is not None:
        return await archive.manifest(backup_id)
    found = await archive.manifests()
    if not found:
        raise BackupInvalid(f"there is no backup at {archive.store.uri_of('')}")
    return found[-1]


def _archive(settings: ServiceSettings, place: str) -> Archive:
    url = place if "://" in place else Path(place).absolute().as_uri()
    return Archive(open_blobs(settings.model_copy(update={"blobs": url})))


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _row(manifest: Manifest) -> Sequence[str]:
    payloads = "left out" if manifest.blobs is None else f"{manifest.blobs.rows}"
    moment = f"{manifest.cluster_time:{TIME}}"
    size = f"{manifest.size_bytes}"
    return manifest.id, moment, manifest.release, manifest.namespace, f"{manifest.rows}", payloads, size


def _fields(manifest: Manifest, *, checked: bool) -> list[tuple[str, str]]:
    payloads = f"{manifest.blobs.rows:,}, {manifest.blob_bytes:,} bytes" if manifest.blobs else "left out"
    ledgers = [
        (name, f"{sum(part.rows for part in ledger.collections.values()):,} rows, version {_version(ledger.versions)}")
        for name, ledger in manifest.ledgers.items()
    ]
    return [
        ("id", manifest.id),
        ("as of", f"{manifest.cluster_time:{TIME}} UTC"),
        ("release", manifest.release),
        ("namespace", manifest.namespace),
        *ledgers,
        ("events", f"{manifest.events.rows:,} on their way"),
        ("payloads", payloads),
        ("bytes", f"{manifest.size_bytes:,}"),
        *([("files", "every one is what the manifest says")] if checked else []),
    ]


def _version(versions: dict[str, int] | None) -> str:
    return "none" if versions is None else ", ".join(f"{part} {number}" for part, number in versions.items())
