"""The ledger: a service's own MongoDB database, and the transaction that ties state, tasks and events.

The only module that knows the driver (see docs/adr for why motor).
"""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any
from typing import ClassVar
from typing import Protocol
from typing import TypeVar

from bson import ObjectId
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING
from pymongo import IndexModel
from pymongo import ReturnDocument
from pymongo.errors import BulkWriteError
from pymongo.errors import ConfigurationError
from pymongo.errors import ConnectionFailure
from pymongo.errors import ExecutionTimeout
from pymongo.errors import OperationFailure
from pymongo.errors import PyMongoError
from pymongo.errors import WTimeoutError
from pymongo.write_concern import WriteConcern

from graftwork.contracts.events import EventData
from graftwork.kit.bus import encode
from graftwork.kit.bus import event_id
from graftwork.kit.clock import Clock
from graftwork.kit.doorbell import Doorbell
from graftwork.kit.errors import AddressUnusable
from graftwork.kit.errors import IndexConflict
from graftwork.kit.tracing import current_traceparent
from graftwork.kit.tracing import ending_here

T = TypeVar("T")
Document = dict[str, Any]
Sort = Sequence[tuple[str, int]]

TASKS = "tasks"
OUTBOX = "outbox"
OUTBOX_REFUSED = "outbox_refused"
INBOX = "inbox"
JOURNAL = "journal"
STOPS = "stops"
LEASES = "leases"
RELAY_LEASE = "relay"

READY = "ready"
RUNNING = "running"
_DUPLICATE_KEY = 11000
_INDEX_NOT_FOUND = 27
_INDEX_OPTIONS_CONFLICT = 85
_INDEX_KEYS_CONFLICT = 86
_INDEX_CONFLICTS = {_INDEX_OPTIONS_CONFLICT, _INDEX_KEYS_CONFLICT}
_TRANSIENT_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError")
_QUICK = WriteConcern(w=1)


class Enqueueable(Protocol):
    """What ``Transaction.enqueue`` needs to know of a task's payload."""

    kind: ClassVar[str]

    @property
    def job_id(self) -> str:
        """Job it belongs to."""
        ...

    @property
    def request_id(self) -> str:
        """Request it answers."""
        ...

    @property
    def rank(self) -> int:
        """Lower runs first."""
        ...

    @property
    def task_id(self) -> str:
        """Identity of the task; enqueuing it twice makes one task."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Payload as plain JSON."""
        ...


@dataclass
class Doorbells:
    """Rung when rows appear in this process, so that nobody waits for a poll."""

    tasks: Doorbell = field(default_factory=Doorbell)
    outbox: Doorbell = field(default_factory=Doorbell)
    stops: Doorbell = field(default_factory=Doorbell)


class Reader:
    """Reads of one database, inside a session or not."""

    def __init__(self, database: Any, session: Any = None) -> None:
        self._database = database
        self._session = session

    async def find_one(self, collection: str, query: Mapping[str, Any], projection: Any = None) -> Document | None:
        """First match or None."""
        found: Document | None = await self._database[collection].find_one(query, projection, session=self._session)
        return found

    async def find(
        self,
        collection: str,
        query: Mapping[str, Any],
        sort: Sort | None = None,
        limit: int = 0,
        projection: Any = None,
    ) -> list[Document]:
        """All matches, at most ``limit`` (0: all)."""
        cursor = self._database[collection].find(query, projection, session=self._session, limit=limit)
        if sort is not None:
            cursor = cursor.sort(list(sort))
        rows: list[Document] = await cursor.to_list(None)
        return rows

    async def count(self, collection: str, query: Mapping[str, Any]) -> int:
        """Number of matches."""
        number: int = await self._database[collection].count_documents(query, session=self._session)
        return number


class Transaction(Reader):
    """One transaction: state is written as asked, events and tasks when it ends.

    A transaction may run again after a conflict, so a handler has no effect but through it.
    """

    def __init__(self, ledger: "Ledger", session: Any) -> None:
        super().__init__(ledger.database, session)
        self._ledger = ledger
        self._events: list[Document] = []
        self._tasks: list[Document] = []
        self._after: list[Callable[[], None]] = []
        self._stopped = False

    @property
    def now(self) -> datetime:
        """The ledger's time."""
        return self._ledger.clock.now()

    async def insert(self, collection: str, document: Document) -> None:
        """Insert one document."""
        await self._database[collection].insert_one(document, session=self._session)

    async def insert_new(self, collection: str, document: Document) -> bool:
        """Insert unless the ``_id`` exists; return whether it was new."""
        if await self.find_one(collection, {"_id": document["_id"]}, {"_id": 1}) is not None:
            return False
        await self.insert(collection, document)
        return True

    async def update(self, collection: str, query: Mapping[str, Any], update: Any, *, upsert: bool = False) -> int:
        """Update the first match; return the number matched (or upserted)."""
        result = await self._database[collection].update_one(query, update, upsert=upsert, session=self._session)
        return int(result.matched_count or (result.upserted_id is not None))

    async def update_many(self, collection: str, query: Mapping[str, Any], update: Any) -> int:
        """Update all matches; return the number matched."""
        result = await self._database[collection].update_many(query, update, session=self._session)
        return int(result.matched_count)

    async def delete(self, collection: str, query: Mapping[str, Any]) -> int:
        """Delete all matches; return their number."""
        result = await self._database[collection].delete_many(query, session=self._session)
        return int(result.deleted_count)

    def emit(self, data: EventData) -> None:
        """Publish after commit; a second event with the same identity is dropped."""
        self._events.append(self._outbox_row(data))

    def enqueue(self, payload: Enqueueable, *, not_before: datetime | None = None) -> None:
        """Add work; a task that exists already is left as it is."""
        self._tasks.append(self._task_row(payload, not_before))

    def after_commit(self, wake: Callable[[], None]) -> None:
        """Call once what was written can be read by all; for waking waiters, and lost if the process dies first."""
        self._after.append(wake)

    async def stop_job(self, job_id: str, run: int = 0) -> None:
        """No work of this job's ``run`` is leased from now on, and what runs is cancelled, unless a later run began."""
        row = await self.find_one(STOPS, {"_id": job_id})
        if row is None or row["run"] <= run:
            news = {"at": self.now, "run": run, "stopped": True}
            await self.update(STOPS, {"_id": job_id}, {"$set": news}, upsert=True)
            self._stopped = True

    async def resume_job(self, job_id: str, run: int) -> None:
        """Let the job's ``run`` go on, whatever stopped the runs before it."""
        row = await self.find_one(STOPS, {"_id": job_id})
        if row is None or row["run"] < run:
            news = {"at": self.now, "run": run, "stopped": False}
            await self.update(STOPS, {"_id": job_id}, {"$set": news}, upsert=True)

    async def flush(self) -> None:
        """Write the buffered tasks and events; called once, at the end."""
        if self._tasks:
            await self._insert_missing(TASKS, self._tasks)
        if self._events:
            await self._insert_missing(OUTBOX, self._events)

    def ring(self) -> None:
        """Wake whoever waits for what this transaction wrote."""
        bells = self._ledger.doorbells
        if self._tasks:
            bells.tasks.ring()
        if self._events:
            bells.outbox.ring()
        if self._stopped:
            bells.stops.ring()
        for wake in self._after:
            wake()

    async def _insert_missing(self, collection: str, rows: list[Document]) -> None:
        unique = {row["_id"]: row for row in reversed(rows)}
        there = await self.find(collection, {"_id": {"$in": list(unique)}}, projection={"_id": 1})
        for known in there:
            del unique[known["_id"]]
        if unique:
            ordered = [row for row in rows if unique.get(row["_id"]) is row]
            await self._database[collection].insert_many(ordered, session=self._session)

    def _task_row(self, payload: Enqueueable, not_before: datetime | None) -> Document:
        return {
            "_id": payload.task_id,
            "kind": payload.kind,
            "job_id": payload.job_id,
            "request_id": payload.request_id,
            "payload": payload.model_dump(mode="json"),
            "rank": payload.rank,
            "state": READY,
            "due": not_before or self.now,
            "fence": 0,
            "attempts": 0,
            "generation": 0,
            "traceparent": current_traceparent(),
        }

    def _outbox_row(self, data: EventData) -> Document:
        ledger = self._ledger
        record = encode(
            data,
            namespace=ledger.namespace,
            source=ledger.source,
            time=self.now,
            traceparent=current_traceparent(),
        )
        return {
            "_id": event_id(data),
            "order": ObjectId(),
            "event": data.event_name,
            "topic": record.topic,
            "key": record.key,
            "value": record.value,
            "headers": dict(record.headers),
            "at": self.now,
        }


def _client(url: str, name: str, **how: Any) -> Any:
    try:
        return AsyncIOMotorClient(url, serverSelectionTimeoutMS=10_000, appname=name, **how)
    except (ConfigurationError, ValueError):
        # The driver's own words quote what it took for a database, a password with a slash in it included.
        raise AddressUnusable(
            "GRAFTWORK_MONGO is no URL of MongoDB: look at its form, and percent-encode user and password in it"
        ) from None


class Ledger:
    """A service's database."""

    def __init__(self, client: Any, *, service: str, namespace: str, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self.service = service
        self.namespace = namespace
        self.source = f"/graftwork/{service}"
        self.database = client.get_database(f"{namespace}_{service}", codec_options=CodecOptions(tz_aware=True))
        self.doorbells = Doorbells()
        self.read = Reader(self.database)

    @classmethod
    def connect(cls, url: str, *, service: str, namespace: str, clock: Clock, **how: Any) -> "Ledger":
        """Ledger of ``service`` on the MongoDB at ``url``; the connection is made when first used.

        ``how``: what ``mongo_arguments`` says of it. Raises ``AddressUnusable``.
        """
        return cls(_client(url, f"graftwork-{service}", **how), service=service, namespace=namespace, clock=clock)

    async def prepare(
        self, *, retention_days: float, indexes: Mapping[str, Sequence[IndexModel]] | None = None
    ) -> None:
        """Create collections and indexes; doing it again changes nothing."""
        seconds = int(retention_days * 24 * 3600)
        own: dict[str, Sequence[IndexModel]] = {
            TASKS: [
                IndexModel([("state", ASCENDING), ("due", ASCENDING)]),
                IndexModel([("job_id", ASCENDING), ("state", ASCENDING)]),
                IndexModel([("finished_at", ASCENDING)], expireAfterSeconds=seconds),
            ],
            OUTBOX: [IndexModel([("order", ASCENDING)])],
            INBOX: [IndexModel([("at", ASCENDING)], expireAfterSeconds=seconds)],
            JOURNAL: [
                IndexModel([("task_id", ASCENDING)]),
                IndexModel([("request_id", ASCENDING)]),
                IndexModel([("at", ASCENDING)], expireAfterSeconds=seconds),
            ],
            STOPS: [IndexModel([("at", ASCENDING)], expireAfterSeconds=seconds)],
        }
        for name, models in {**own, **(indexes or {})}.items():
            await self._index(name, list(models))
        await self.insert_unordered(LEASES, [{"_id": RELAY_LEASE, "owner": None, "until": self.clock.now()}])

    async def _index(self, collection: str, models: list[IndexModel]) -> None:
        """Create what is missing; a retention that was changed since is changed in place."""
        try:
            await self.database[collection].create_indexes(models)
        except OperationFailure as error:
            if error.code not in _INDEX_CONFLICTS:
                raise
            for index in (model.document for model in models):
                if "expireAfterSeconds" in index:
                    await self._change_expiry(collection, index)
            await self._create_indexes(collection, models)

    async def _change_expiry(self, collection: str, index: Mapping[str, Any]) -> None:
        expiry = {"keyPattern": index["key"], "expireAfterSeconds": index["expireAfterSeconds"]}
        try:
            await self.database.command("collMod", collection, index=expiry)
        except OperationFailure as error:
            if error.code != _INDEX_NOT_FOUND:  # one that is new is made next
                raise

    async def _create_indexes(self, collection: str, models: list[IndexModel]) -> None:
        try:
            await self.database[collection].create_indexes(models)
        except OperationFailure as error:
            if error.code not in _INDEX_CONFLICTS:
                raise
            raise IndexConflict(
                f"collection {self.database.name}.{collection} has an index that is not as this release wants it: "
                f"drop that one, and the next start makes it anew ({error.details and error.details.get('errmsg')})"
            ) from error

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction, again after conflicts; ring the bells once it is durable."""
        last: list[Transaction] = []

        async def attempt(session: Any) -> T:
            tx = Transaction(self, session)
            result = await work(tx)
            await tx.flush()
            last[:] = [tx]
            return result

        with ending_here():
            async with await self.client.start_session() as session:
                result: T = await session.with_transaction(attempt)
        last[0].ring()
        return result

    async def upsert(self, collection: str, query: Mapping[str, Any], update: Any) -> Document:
        """Change one row, or make it, at once and outside a transaction; return it as it is then.

        For counters: it does not wait until the other members have it, so a failover may lose the last of it.
        """
        quick = self.database[collection].with_options(write_concern=_QUICK)
        row: Document = await quick.find_one_and_update(
            query, update, upsert=True, return_document=ReturnDocument.AFTER
        )
        return row

    async def forget_job(self, job_id: str, collections: Iterable[str], *, but: str) -> None:
        """Delete every row of a job, its tasks (all but one) and its journal, outside a transaction: may be many."""
        for collection in (JOURNAL, *collections):
            await self.database[collection].delete_many({"job_id": job_id})
        await self.database[TASKS].delete_many({"job_id": job_id, "_id": {"$ne": but}})
        await self.database[STOPS].delete_many({"_id": job_id})

    async def insert_unordered(self, collection: str, rows: list[Document]) -> None:
        """Insert what is not there yet, outside a transaction."""
        try:
            await self.database[collection].insert_many(rows, ordered=False)
        except BulkWriteError as error:
            other = [e for e in error.details.get("writeErrors", []) if e.get("code") != _DUPLICATE_KEY]
            if other or error.details.get("writeConcernErrors"):
                raise

    async def ping(self) -> None:
        """Prove that the database answers."""
        await self.client.admin.command("ping")

    async def close(self) -> None:
        """Close the connections; the driver takes leave of the server and would block the loop meanwhile."""
        await asyncio.to_thread(self.client.close)


def is_outage(error: Exception) -> bool:
    """Whether the database was away, or asks for the same again; anything else fails the same way each time."""
    if isinstance(error, (ConnectionFailure, WTimeoutError, ExecutionTimeout)):
        return True
    return isinstance(error, PyMongoError) and any(map(error.has_error_label, _TRANSIENT_LABELS))
