"""All ledgers of a platform as they are at one moment, and back again.

A session of snapshot reads: whatever it reads, of whichever database, is as it was at the cluster time of its first
read. MongoDB keeps that past for ``minSnapshotHistoryWindowInSeconds``, five minutes unless it was told otherwise.
"""

from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import ObjectId
from bson import Timestamp
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from graftwork.admin.errors import BackupFailed
from graftwork.admin.errors import NotEmpty
from graftwork.admin.errors import StillRunning
from graftwork.kit.ledger import LEASES
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import RELAY_LEASE
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.migrations import SCHEMA

_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
_BATCH = 500
_TOO_OLD = 239
_UNAVAILABLE = 246
_MARK = {"_id": "backup"}
_CHANGES = [
    {"$match": {"ns.coll": {"$in": [OUTBOX, LEASES]}}},
    {"$project": {"ns": 1, "operationType": 1, "documentKey": 1, "clusterTime": 1, "fullDocument.mark": 1}},
]
_WINDOW = "minSnapshotHistoryWindowInSeconds"


class Snapshot:
    """What ledgers held at ``moment``, by MongoDB's clock."""

    def __init__(self, session: Any, moment: Timestamp) -> None:
        self._session = session
        self.moment = moment

    @property
    def cluster_time(self) -> datetime:
        """The moment, in whole seconds."""
        return self.moment.as_datetime()

    async def versions(self, ledger: Ledger) -> dict[str, int] | None:
        """Versions of the ledger's schema; None where it is older than those."""
        row: Document | None = await ledger.database[SCHEMA].find_one({}, session=self._session)
        return None if row is None else row["versions"]

    async def rows(self, ledger: Ledger, collection: str) -> AsyncIterator[bytes]:
        """Every document, as BSON. Raises ``BackupFailed`` where MongoDB has forgotten what it was."""
        with _remembered(f"{ledger.database.name}.{collection}"):
            found = ledger.database.get_collection(collection, codec_options=_RAW)
            cursor = found.find({}, session=self._session, batch_size=_BATCH)
            while rows := await cursor.to_list(_BATCH):
                for row in rows:
                    yield row.raw


@asynccontextmanager
async def snapshot_of(ledger: Ledger, collection: str) -> AsyncIterator[Snapshot]:
    """A snapshot of the whole cluster, as it is now. ``collection``: any that exists, to begin with."""
    async with await ledger.client.start_session(snapshot=True) as session:
        with _remembered(ledger.database.name):
            await ledger.database[collection].find_one({}, session=session)
        moment: Timestamp = session.delegate._snapshot_time  # noqa: SLF001 - the driver keeps it, and tells nobody
        yield Snapshot(session, moment)


async def emitted_since(ledger: Ledger, moment: Timestamp) -> set[str]:
    """Ids of the events that the ledger has emitted from ``moment`` on until now, published since or not.

    Told by the oplog, transaction by transaction, so that not one is taken for an event of before, or the reverse. A
    row of ours shows where "now" is.
    """
    mark, found = ObjectId(), set[str]()
    await ledger.database[LEASES].replace_one(_MARK, {"mark": mark}, upsert=True)
    async with ledger.database.watch(_CHANGES, start_at_operation_time=moment) as changes:
        async for change in changes:
            if change.get("fullDocument", {}).get("mark") == mark:
                break
            if (
                change["ns"]["coll"] == OUTBOX
                and change["operationType"] == "insert"
                and change["clusterTime"] > moment
            ):
                found.add(change["documentKey"]["_id"])
    return found


async def collections_of(ledger: Ledger) -> list[str]:
    """Collections of a ledger that hold rows of ours; to be asked before the snapshot is taken."""
    names = await ledger.database.list_collection_names(filter={"type": "collection"})
    return sorted(name for name in names if not name.startswith("system."))


async def require_empty(ledgers: Iterable[Ledger]) -> None:
    """Raise ``NotEmpty`` if there is anything in any of the databases."""
    there = [ledger.database.name for ledger in ledgers if await collections_of(ledger)]
    if there:
        raise NotEmpty(f"there are databases already: {', '.join(there)}; --force drops them first")


async def require_silent(ledgers: Mapping[str, Ledger]) -> None:
    """Raise ``StillRunning`` if a service holds the lease of its relay, or did until it was killed a moment ago."""
    held = {"_id": RELAY_LEASE, "owner": {"$ne": None}, "$expr": {"$gt": ["$until", "$$NOW"]}}
    running = [name for name, ledger in ledgers.items() if await ledger.database[LEASES].count_documents(held)]
    if running:
        raise StillRunning(f"services run that would write beside the restore: stop {', '.join(sorted(running))}")


async def insert(ledger: Ledger, collection: str, rows: AsyncIterator[bytes]) -> int:
    """Insert documents as they are; return their number. The collection is made also where there are none."""
    await ledger.database.create_collection(collection)
    into = ledger.database.get_collection(collection, codec_options=_RAW)
    batch: list[RawBSONDocument] = []
    count = 0
    async for row in rows:
        batch.append(RawBSONDocument(row))
        if len(batch) >= _BATCH:
            await into.insert_many(batch, ordered=False)
            count += len(batch)
            batch = []
    if batch:
        await into.insert_many(batch, ordered=False)
    return count + len(batch)


@contextmanager
def _remembered(what: str) -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if error.code == _TOO_OLD:
            raise BackupFailed(
                f"MongoDB no longer knows how {what} was when the backup began. Let it remember for longer, on every "
                f"member: db.adminCommand({{setParameter: 1, {_WINDOW}: 3600}}); or take a backup with mongodump"
            ) from error
        if error.code == _UNAVAILABLE:
            raise BackupFailed(f"a collection or index of {what} was just made or dropped: try again") from error
        raise
