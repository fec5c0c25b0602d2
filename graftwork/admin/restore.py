"""Restores a backup while every service is stopped: checked first, ledgers, payloads, and Kafka last.

What was published after the backup is passed over: those who published it have forgotten it, and will do that work
again. What was on its way at the backup is published again; whoever admitted it before then knows it, and passes over
it. The rest a ledger holds itself: events not published yet, and tasks not done (docs/adr/0013).
"""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass

import bson

from graftwork.admin.archive import Archive
from graftwork.admin.errors import BackupInvalid
from graftwork.admin.in_flight import Flight
from graftwork.admin.in_flight import Group
from graftwork.admin.in_flight import open_flight
from graftwork.admin.in_flight import publish
from graftwork.admin.in_flight import require_stopped
from graftwork.admin.in_flight import set_offsets
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.manifest import LedgerPart
from graftwork.admin.manifest import Manifest
from graftwork.admin.manifest import Part
from graftwork.admin.snapshot import insert
from graftwork.admin.snapshot import require_empty
from graftwork.admin.snapshot import require_silent
from graftwork.kit.blobs import Blobs
from graftwork.kit.ledger import Ledger
from graftwork.kit.settings import ServiceSettings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Restore:
    """One backup to be restored.

    Attributes:
        settings: of the platform.
        archive: where the backup lies.
        manifest: what it says of itself.
        blobs: where payloads go; None: they are left as they are.
        kafka: whether Kafka is brought to the backup as well.
        force: databases that are there are dropped.
        told: takes one readable line per step.
    """

    settings: ServiceSettings
    archive: Archive
    manifest: Manifest
    blobs: Blobs | None
    kafka: bool
    force: bool
    told: Progress

    async def run(self) -> None:
        """Restore it; done again with ``force``, it begins anew.

        Raises ``BackupInvalid``, ``NotEmpty`` and ``StillRunning`` before anything is changed, and ``ServerAway``,
        ``ServerRefuses`` or ``DependencyDown`` anywhere.
        """
        self._require_namespace()
        await self._require_stopped()
        await verify(self.archive, self.manifest, blobs=self.blobs is not None)
        self.told("Every file is what the manifest says")
        await self._require_stopped()  # reading every file may have taken hours
        await self._ledgers()
        await self._payloads()
        if self.kafka:
            async with open_flight(self.settings) as flight:
                require_stopped(await flight.groups())  # the restored ledgers know of leases that nobody holds any more
                await self._events(flight)

    async def _require_stopped(self) -> None:
        """By their groups in Kafka, and by their ledgers, which tell it without a Kafka, too."""
        if self.kafka:
            async with open_flight(self.settings) as flight:
                require_stopped(await flight.groups())
        async with open_ledgers(self.settings) as ledgers:
            await require_silent(ledgers)

    def _require_namespace(self) -> None:
        ours, its = self.settings.namespace, self.manifest.namespace
        if ours != its:
            raise BackupInvalid(
                f"the backup is of namespace {its}, which its events name, and cannot become {ours}: "
                f"to try a restore, take another MongoDB and Kafka, and --namespace {its}"
            )

    async def _ledgers(self) -> None:
        async with open_ledgers(self.settings) as ledgers:
            wanted = {service: ledgers[service] for service in self.manifest.ledgers}
            if self.force:
                for ledger in ledgers.values():
                    await ledger.client.drop_database(ledger.database.name)
            await require_empty(ledgers.values())
            for service, ledger in wanted.items():
                await self._ledger(ledger, self.manifest.ledgers[service])

    async def _ledger(self, ledger: Ledger, part: LedgerPart) -> None:
        for name, file in part.collections.items():
            count = await insert(ledger, name, self.archive.read(self.manifest.id, file))
            if count != file.rows:
                raise BackupInvalid(f"{file.name} holds {count} rows, and the manifest says {file.rows}")
        self.told(f"{ledger.database.name}: {sum(file.rows for file in part.collections.values()):,} rows")

    async def _payloads(self) -> None:
        backup, files = self.manifest.id, self.manifest.blobs
        if self.blobs is None or files is None:
            return
        async for row in self.archive.read(backup, files):
            key = bson.decode(row)["key"]
            await self.blobs.put_stream(key, self.archive.store.stream(self.archive.blob_key(backup, key)))
        self.told(f"{files.rows:,} payloads")

    async def _events(self, flight: Flight) -> None:
        """Publish what was on its way behind all that there is, and let services go on from there."""
        groups = await flight.groups()
        ends = await flight.ends()
        count = await publish(self.settings, self.archive.read(self.manifest.id, self.manifest.events))
        for service, topics in self._consumed(groups).items():
            if passed := {where: end for where, end in ends.items() if where.topic in topics}:
                await set_offsets(self.settings, service, passed)
        self.told(f"{count} events on their way published again; what came after the backup is passed over")

    def _consumed(self, groups: Mapping[str, Group]) -> dict[str, set[str]]:
        """Topics of each service, as it was when the backup was made and as it is now."""
        return {service: {*group.topics, *self.manifest.groups.get(service, ())} for service, group in groups.items()}


async def verify(archive: Archive, manifest: Manifest, *, blobs: bool) -> None:
    """Compare every file of a backup with its digest. Raises ``BackupInvalid``."""
    for part in manifest.parts:
        await archive.verify(manifest.id, part)
    if blobs and manifest.blobs is not None:
        async for row in archive.read(manifest.id, manifest.blobs):
            told = bson.decode(row)
            name = archive.blob_key("", told["key"]).removeprefix("/")
            part = Part(name=name, sha256=told["sha256"], size_bytes=told["size_bytes"], rows=0)
            await archive.verify(manifest.id, part)
