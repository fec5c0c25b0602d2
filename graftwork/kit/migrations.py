"""The schema of a ledger: its version, kept in the ledger itself, and the migrations that lead to the next.

A ledger has two versions: that of the kit's own collections (tasks, inbox, stops, ...), and that of the
service's. Each is the number of the last migration that was run. Migrations run when a service starts,
before it consumes anything, by one process under a lease; the others wait for it. A ledger that is new
starts at the newest version.

While a platform is updated, processes of two releases share a ledger, and an update may be taken back. So a
migration only expands: the release before must be able to read what it leaves, and to write beside it. What
that release no longer reads is taken away by a later migration, which says that it ``contracts``: processes
that know it not are refused from then on (``LedgerNewer``); those that are only a few expansions behind run.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import DuplicateKeyError

from graftwork import __version__
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import LeaseLost
from graftwork.kit.errors import LedgerNewer
from graftwork.kit.errors import MigrationFailed
from graftwork.kit.errors import MigrationUnderWay
from graftwork.kit.groups import plainly
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import STOPS
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.logging import get_logger

log = get_logger(__name__)
SCHEMA = "schema"
KIT = "kit"
_ROW = {"_id": "schema"}
_WAIT_SECONDS = 600.0


class Rewriter(Reader):
    """All that a migration may do to a ledger. Each change is one statement, and durable when it returns."""

    async def update_many(self, collection: str, query: Mapping[str, Any], update: Any) -> int:
        """Update all matches; return the number changed."""
        result = await self._database[collection].update_many(query, update)
        return int(result.modified_count)

    async def delete_many(self, collection: str, query: Mapping[str, Any]) -> int:
        """Delete all matches; return their number."""
        result = await self._database[collection].delete_many(query)
        return int(result.deleted_count)

    async def drop_index(self, collection: str, name: str) -> None:
        """Drop an index, if it is there; those that a service declares are made when it starts."""
        if name in await self._database[collection].index_information():
            await self._database[collection].drop_index(name)


@dataclass(frozen=True)
class Migration:
    """One step forward.

    Attributes:
        number: 1 for the first of its list, and one more for each that follows.
        name: what is different afterwards; for people.
        run: does it. May be ended anywhere and run again, so it changes only what is not changed yet.
        contracts: it takes away what releases that do not know it read or write, so these start no more.
    """

    number: int
    name: str
    run: Callable[[Rewriter], Awaitable[None]]
    contracts: bool = False


@dataclass(frozen=True)
class Step:
    """A migration, and whose collections it is about: ``kit``, or the service's name."""

    part: str
    migration: Migration

    def __str__(self) -> str:
        return f"{self.part} {self.migration.number} ({self.migration.name})"


@dataclass(frozen=True)
class Plan:
    """Every migration that this release knows for one ledger; the kit's come first."""

    parts: Mapping[str, Sequence[Migration]]

    def __post_init__(self) -> None:
        for part, migrations in self.parts.items():
            numbers = [migration.number for migration in migrations]
            if numbers != list(range(1, len(numbers) + 1)):
                raise ValueError(f"migrations of {part} are numbered {numbers}, not 1, 2, 3 and on")

    @classmethod
    def of(cls, service: str, own: Sequence[Migration] = ()) -> "Plan":
        """Plan of a service: the kit's migrations, then its own."""
        return cls({KIT: KIT_MIGRATIONS, service: tuple(own)})

    @property
    def newest(self) -> dict[str, int]:
        """Version of each part that this release reads and writes."""
        return {part: len(migrations) for part, migrations in self.parts.items()}

    @property
    def needs(self) -> dict[str, int]:
        """Oldest version of each part whose processes can use a ledger at the newest."""
        return {
            part: max((one.number for one in migrations if one.contracts), default=0)
            for part, migrations in self.parts.items()
        }

    def pending(self, versions: Mapping[str, int]) -> list[Step]:
        """What is still to be done, in order."""
        return [
            Step(part, migration)
            for part, migrations in self.parts.items()
            for migration in migrations[versions.get(part, 0) :]
        ]

    def ahead(self, versions: Mapping[str, int]) -> list[str]:
        """Parts of which ``versions`` are newer than this release."""
        return [part for part, version in versions.items() if version > self.newest.get(part, 0)]


class Migrator:
    """Brings one ledger to the newest version, or waits until another process has done so.

    ``wait_seconds``: how long another process is waited for; then whoever started this one starts it again.
    """

    def __init__(
        self,
        ledger: Ledger,
        plan: Plan,
        *,
        lease_seconds: float,
        poll_seconds: float,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._rows = ledger.database[SCHEMA]
        self._plan = plan
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_seconds
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def run(self) -> list[Step]:
        """Return what this process has run: nothing where the ledger is new, or another was quicker.

        Raises ``LedgerNewer``, ``MigrationFailed``, ``MigrationUnderWay``, and ``LeaseLost`` if this process
        was so slow that another has taken over.
        """
        done: list[Step] = []
        waited = 0.0
        if ahead := self._plan.ahead((await self._row())["versions"]):
            log.warning("ledger.newer", parts=ahead, release=__version__)
        while pending := self._pending(await self._row()):
            if await self._take():
                done += await self._alone()
            elif waited >= self._wait_seconds:
                raise await self._given_up(pending)
            else:
                waited += self._poll_seconds
                await self._ledger.clock.sleep(self._poll_seconds)
        return done

    def _pending(self, row: Document) -> list[Step]:
        versions: dict[str, int] = row["versions"]
        needs: dict[str, int] = row.get("needs", versions)
        if ahead := self._plan.ahead(needs):
            told = ", ".join(f"{part} {needs[part]} (known: {self._plan.newest.get(part, 0)})" for part in ahead)
            raise LedgerNewer(
                f"the ledger of {self._ledger.service} was migrated by a release that {__version__} is too old for: "
                f"{told}. Ledgers never go back: run that release again, or restore a backup from before it"
            )
        return self._plan.pending(versions)

    async def _row(self) -> Document:
        """Return the ledger's schema row, made where there is none: new ledgers are born at the newest version."""
        while (row := await self._rows.find_one(_ROW)) is None:
            born = INBOX not in await self._ledger.database.list_collection_names()
            versions = self._plan.newest if born else dict.fromkeys(self._plan.parts, 0)
            needs = self._plan.needs if born else dict.fromkeys(self._plan.parts, 0)
            told = {"versions": versions, "needs": needs, "born": {**versions, **self._stamp()}}
            made = {**_ROW, **told, "applied": []}
            try:
                await self._rows.insert_one(made)
            except DuplicateKeyError:
                continue  # another process was quicker, and what it wrote holds
        found: Document = row
        return found

    async def _take(self) -> bool:
        """Hold the lease, if nobody does; the server's clock decides."""
        free = {"$expr": {"$lte": ["$lease.until", "$$NOW"]}}  # missing is less than any time
        result = await self._rows.update_one({**_ROW, **free}, [{"$set": {"lease": self._lease()}}])
        return bool(result.matched_count)

    async def _alone(self) -> list[Step]:
        """Run what is pending under the lease."""
        try:
            with plainly():
                async with asyncio.TaskGroup() as group:
                    beating = group.create_task(self._beat())
                    done = await self._run_pending()
                    beating.cancel()
        finally:
            await self._rows.update_one(self._mine, {"$unset": {"lease": True}})
        return done

    async def _run_pending(self) -> list[Step]:
        # Asked again: the process that held the lease until just now may have done it all.
        pending = self._pending(await self._row())
        for step in pending:
            log.info("migration.started", migration=str(step))
            await self._run(step)
            log.info("migration.applied", migration=str(step))
        return pending

    async def _run(self, step: Step) -> None:
        try:
            await step.migration.run(Rewriter(self._ledger.database))
        except GraftworkError:
            raise
        except Exception as error:
            raise MigrationFailed(
                f"migration {step} of the ledger of {self._ledger.service} failed and goes on where it stopped "
                f"when a process starts again: {type(error).__name__}: {error}"
            ) from error
        number, name = step.migration.number, step.migration.name
        record = {"part": step.part, "number": number, "name": name, **self._stamp()}
        reached = {f"versions.{step.part}": number}
        if step.migration.contracts:
            reached[f"needs.{step.part}"] = number
        news = {"$set": reached, "$push": {"applied": record}}
        if not (await self._rows.update_one(self._mine, news)).matched_count:
            raise self._lost()

    async def _beat(self) -> None:
        """Keep the lease while the work goes on."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            kept = await self._rows.update_one(self._mine, [{"$set": {"lease": self._lease()}}])
            if not kept.matched_count:
                raise self._lost()

    @property
    def _mine(self) -> dict[str, str]:
        return {**_ROW, "lease.owner": self._owner}

    def _lease(self) -> Document:
        return {"owner": self._owner, "until": {"$add": ["$$NOW", int(self._lease_seconds * 1000)]}}

    def _stamp(self) -> Document:
        return {"at": self._ledger.clock.now(), "release": __version__}

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"another process migrates the ledger of {self._ledger.service} now")

    async def _given_up(self, pending: Sequence[Step]) -> MigrationUnderWay:
        holder = ((await self._row()).get("lease") or {}).get("owner", "nobody any more")
        return MigrationUnderWay(
            f"the ledger of {self._ledger.service} waits for migrations ({', '.join(map(str, pending))}), and "
            f"{holder} has been at it for {self._wait_seconds:g} s and more; start this process again to go on waiting"
        )


async def read_schema(reader: Reader) -> Document | None:
    """Return a ledger's schema row: ``versions``, ``needs``, ``born``, ``applied``; ``lease`` while it is migrated."""
    return await reader.find_one(SCHEMA, _ROW)


async def _stops_name_their_run(rows: Rewriter) -> None:
    """Stops of before jobs could go on were about the only run there was."""
    await rows.update_many(STOPS, {"run": {"$exists": False}}, {"$set": {"run": 0, "stopped": True}})


KIT_MIGRATIONS: Sequence[Migration] = (Migration(1, "stops name the run that they ended", _stops_name_their_run),)
