"""Leases: a task belongs to one worker at a time, for as long as that worker is heard of.

Time is the server's (``$$NOW``), so clocks of workers need not agree. Every write shows the lease and
its fence, so whoever was taken over changes nothing.
"""

import secrets
from collections.abc import Collection
from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING

from graftwork.kit import metrics
from graftwork.kit.ledger import READY
from graftwork.kit.ledger import RUNNING
from graftwork.kit.ledger import STOPS
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger
from graftwork.kit.tasks import Lease

_WAS_RUNNING = {"$eq": ["$state", RUNNING]}
_NO_RUN = -1


class Leasing:
    """Takes, keeps and gives back the leases of one worker."""

    def __init__(self, ledger: Ledger, kinds: Collection[str], *, lease_seconds: float) -> None:
        self._ledger = ledger
        self._tasks = ledger.database[TASKS]
        self._kinds = list(kinds)
        self._end: dict[str, Any] = {"$add": ["$$NOW", int(lease_seconds * 1000)]}

    async def take(self, slots: int) -> list[Lease]:
        """Take up to ``slots`` tasks that are due: new, retried, or left by a silent worker."""
        if slots <= 0:
            return []
        due = {
            "state": {"$in": [READY, RUNNING]},
            "$expr": {"$lte": ["$due", "$$NOW"]},
            "kind": {"$in": self._kinds},
        }
        wanted = self._tasks.find(due, {"_id": 1, "state": 1}).sort([("rank", ASCENDING), ("due", ASCENDING)])
        candidates = await wanted.limit(slots).to_list(None)
        if not candidates:
            return []
        token = secrets.token_hex(8)
        await self._tasks.update_many({"_id": {"$in": [c["_id"] for c in candidates]}, **due}, self._taking(token))
        rows = await self._tasks.find({"lease": token, "state": RUNNING}).to_list(None)
        left = {c["_id"] for c in candidates if c["state"] == RUNNING}
        metrics.LEASES_EXPIRED.inc(sum(row["_id"] in left for row in rows))
        return [Lease(row, token, row["fence"]) for row in rows]

    def _taking(self, token: str) -> list[dict[str, Any]]:
        taken = {
            "state": RUNNING,
            "lease": token,
            "due": self._end,
            "fence": {"$add": ["$fence", 1]},
            "attempts": {"$add": ["$attempts", 1]},
            "deaths": {"$add": [{"$ifNull": ["$deaths", 0]}, {"$cond": [_WAS_RUNNING, 1, 0]}]},
        }
        return [{"$set": taken}]

    async def extend(self, leases: Sequence[Lease]) -> set[str]:
        """Keep ``leases``; return the ids of those that hold no longer."""
        mine = {
            "_id": {"$in": [lease.task_id for lease in leases]},
            "state": RUNNING,
            "lease": {"$in": [lease.token for lease in leases]},
        }
        await self._tasks.update_many(mine, [{"$set": {"due": self._end}}])
        kept = {(row["_id"], row["lease"]) for row in await self._tasks.find(mine, {"lease": 1}).to_list(None)}
        return {lease.task_id for lease in leases if (lease.task_id, lease.token) not in kept}

    async def stopped(self, leases: Sequence[Lease]) -> set[str]:
        """Return the ids of those of ``leases`` whose run of their job was stopped, or is over."""
        rows = await self._ledger.read.find(STOPS, {"_id": {"$in": sorted({lease.job_id for lease in leases})}})
        ended = {row["_id"]: _last_ended_run(row) for row in rows}
        return {lease.task_id for lease in leases if lease.run <= ended.get(lease.job_id, _NO_RUN)}

    async def give_back(self, lease: Lease) -> None:
        """Let another worker take the task at once; this attempt does not count."""
        back = {"$set": {"state": READY, "due": self._ledger.clock.now()}, "$inc": {"attempts": -1}}
        await self._tasks.update_one(lease.held, back)

    async def retry_in(self, lease: Lease, wait_seconds: float, error: str) -> None:
        """Let the task be taken again after ``wait_seconds``."""
        due = {"$add": ["$$NOW", int(wait_seconds * 1000)]}
        await self._tasks.update_one(lease.held, [{"$set": {"state": READY, "due": due, "error": {"$literal": error}}}])

    async def end(self, lease: Lease, state: str) -> None:
        """End the task in ``state``, with nothing to tell."""
        await self._tasks.update_one(lease.held, {"$set": {"state": state, "finished_at": self._ledger.clock.now()}})


def _last_ended_run(stop: dict[str, Any]) -> int:
    """A run that began ends those before it: whatever is left of them is nobody's work any more."""
    run = int(stop["run"])
    return run if stop["stopped"] else run - 1
