"""Events that Kafka refused for good: they lie in the ledger of their sender, beside its outbox."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from graftwork.admin.errors import NoSuchRefusal
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import OUTBOX_REFUSED
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction

_OLDEST_FIRST = [("order", 1)]
_ALL_BUT_THE_BYTES = {"value": 0}


@dataclass(frozen=True)
class Refusal:
    """An event that was refused. ``at``: when it happened, not when it was refused."""

    service: str
    event_id: str
    event: str
    topic: str
    job_id: str
    at: datetime
    reason: str

    @classmethod
    def of(cls, service: str, row: Document) -> "Refusal":
        """Read a row of the ledger of ``service``."""
        return cls(
            service=service,
            event_id=str(row["_id"]),
            event=str(row["event"]),
            topic=str(row["topic"]),
            job_id=bytes(row["key"]).decode(errors="replace"),
            at=row["at"],
            reason=str(row["reason"]),
        )


async def refusals(ledgers: Mapping[str, Ledger], *, service: str | None = None, limit: int) -> list[Refusal]:
    """The ``limit`` oldest refusals of every ledger, or of one: what is sent again goes in this order."""
    found: list[Refusal] = []
    for name, ledger in ledgers.items():
        if service in {None, name}:
            rows = await ledger.read.find(
                OUTBOX_REFUSED, {}, sort=_OLDEST_FIRST, limit=limit, projection=_ALL_BUT_THE_BYTES
            )
            found += [Refusal.of(name, row) for row in rows]
    return sorted(found, key=lambda refusal: refusal.at)[:limit]


async def refusal(ledgers: Mapping[str, Ledger], event_id: str) -> tuple[Refusal, Document]:
    """One refusal, and its row. Raises ``NoSuchRefusal``."""
    for name, ledger in ledgers.items():
        row = await ledger.read.find_one(OUTBOX_REFUSED, {"_id": event_id})
        if row is not None:
            return Refusal.of(name, row), row
    raise NoSuchRefusal(f"Kafka has refused no event {event_id}, or it was sent again or dropped since")


async def retry(ledgers: Mapping[str, Ledger], events: Sequence[Refusal]) -> int:
    """Put events back into the outbox, from where their service publishes them; return how many were still there."""
    moved = 0
    for one in events:
        moved += await ledgers[one.service].transaction(partial(_move, event_id=one.event_id))
    return moved


async def drop(ledgers: Mapping[str, Ledger], events: Sequence[Refusal]) -> int:
    """Forget events: nobody will ever hear of them. Return how many were still there."""
    dropped = 0
    for one in events:
        done = await ledgers[one.service].database[OUTBOX_REFUSED].delete_one({"_id": one.event_id})
        dropped += int(done.deleted_count)
    return dropped


async def _move(tx: Transaction, event_id: str) -> int:
    row = await tx.find_one(OUTBOX_REFUSED, {"_id": event_id})
    if row is None:
        return 0
    del row["reason"]
    await tx.insert_new(OUTBOX, row)
    return await tx.delete(OUTBOX_REFUSED, {"_id": event_id})
