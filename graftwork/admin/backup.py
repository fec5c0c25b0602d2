"""Makes a backup of a running platform: every ledger at one moment, the events on their way then, the payloads.

The order is what makes it whole (docs/adr/0013): how far services have read, then the moment, then where topics end,
then all that was read at that moment, and payloads last. Payloads are written before a ledger names them and are
never changed, so those of the moment are among them, unless they were deleted since.
"""

from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import bson

from graftwork import __version__
from graftwork.admin.archive import Archive
from graftwork.admin.errors import BackupFailed
from graftwork.admin.in_flight import Flight
from graftwork.admin.in_flight import Group
from graftwork.admin.in_flight import open_flight
from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.manifest import BLOBS
from graftwork.admin.manifest import EVENTS
from graftwork.admin.manifest import LedgerPart
from graftwork.admin.manifest import Manifest
from graftwork.admin.manifest import Part
from graftwork.admin.snapshot import Snapshot
from graftwork.admin.snapshot import collections_of
from graftwork.admin.snapshot import emitted_since
from graftwork.admin.snapshot import snapshot_of
from graftwork.kit.blobs import PING
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork.kit.ledger import Ledger
from graftwork.kit.settings import ServiceSettings

Progress = Callable[[str], None]
_TOLD_EVERY = 1_000


@dataclass(frozen=True)
class Backup:
    """One backup to be made.

    Attributes:
        settings: of the platform.
        archive: where backups lie.
        blobs: the platform's payloads; None: they are left out.
        at: now; names the backup.
        told: takes one readable line per step.
    """

    settings: ServiceSettings
    archive: Archive
    blobs: Blobs | None
    at: datetime
    told: Progress

    @property
    def id(self) -> str:
        """Name of its folder."""
        return f"{self.at:%Y%m%dT%H%M%SZ}"

    async def make(self) -> Manifest:
        """Make it. Raises ``BackupFailed``, ``ServerAway``, ``ServerRefuses``, ``DependencyDown``."""
        async with open_ledgers(self.settings) as ledgers, open_flight(self.settings) as flight:
            names = {service: await collections_of(ledger) for service, ledger in ledgers.items()}
            if not any(names.values()):
                raise BackupFailed(f"there is no ledger of namespace {self.settings.namespace}: nothing to back up")
            groups = await flight.groups()
            first = next(service for service in names if names[service])
            async with snapshot_of(ledgers[first], names[first][0]) as snapshot:
                self.told(f"All ledgers as they were at {snapshot.cluster_time:%Y-%m-%d %H:%M:%S} UTC")
                there = {service: ledger for service, ledger in ledgers.items() if names[service]}
                events = await self._events(flight, groups, there.values(), snapshot)
                parts = {
                    service: await self._ledger(snapshot, ledger, names[service]) for service, ledger in there.items()
                }
        blobs, blob_bytes = await self._payloads()
        manifest = Manifest(
            id=self.id,
            made_at=self.at,
            release=__version__,
            namespace=self.settings.namespace,
            cluster_time=snapshot.cluster_time,
            ledgers=parts,
            groups={service: sorted(group.topics) for service, group in groups.items()},
            events=events,
            blobs=blobs,
            blob_bytes=blob_bytes,
        )
        await self.archive.seal(manifest)
        return manifest

    async def _events(
        self, flight: Flight, groups: Mapping[str, Group], ledgers: Iterable[Ledger], snapshot: Snapshot
    ) -> Part:
        """What was published by the moment; a topic's end cannot be read at it, so what came after is left out."""
        begins, ends = await flight.unread(groups), await flight.ends()
        later = {(ledger.source, event) for ledger in ledgers for event in await emitted_since(ledger, snapshot.moment)}
        part = await self.archive.write(self.id, EVENTS, flight.rows(begins, ends, but=later))
        self.told(f"{part.rows} events on their way")
        return part

    async def _ledger(self, snapshot: Snapshot, ledger: Ledger, names: list[str]) -> LedgerPart:
        database = ledger.database.name
        parts = {
            name: await self.archive.write(self.id, f"{database}/{name}.bson.gz", snapshot.rows(ledger, name))
            for name in names
        }
        self.told(f"{database}: {sum(part.rows for part in parts.values()):,} rows in {len(parts)} collections")
        return LedgerPart(versions=await snapshot.versions(ledger), collections=parts)

    async def _payloads(self) -> tuple[Part | None, int]:
        if self.blobs is None:
            return None, 0
        copied = _Copied()
        part = await self.archive.write(self.id, BLOBS, self._copy(self.blobs, copied))
        self.told(f"{copied.count:,} payloads, {copied.size_bytes:,} bytes")
        return part, copied.size_bytes

    async def _copy(self, blobs: Blobs, copied: "_Copied") -> AsyncIterator[bytes]:
        async for key in blobs.all_keys():
            if key == PING:
                continue
            try:
                ref = await self.archive.store.put_stream(self.archive.blob_key(self.id, key), blobs.stream(key))
            except BlobMissing:
                continue  # deleted since it was listed, with its job
            copied.count += 1
            copied.size_bytes += ref.size_bytes
            if copied.count % _TOLD_EVERY == 0:
                self.told(f"{copied.count:,} payloads so far")
            yield bson.encode({"key": key, "sha256": ref.sha256, "size_bytes": ref.size_bytes})


@dataclass
class _Copied:
    count: int = 0
    size_bytes: int = 0
