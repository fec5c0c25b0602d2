"""What a tenant may use: requests a minute, jobs and previews at once, rows a job.

Requests are counted in the ledger, so that the count is exact over all replicas: one upsert a request, which
also reads the tenant's limits. A window is a minute of the clock; a replica whose clock is behind counts into
the newest window there is, so no replica opens a window twice.

The library for this is PyPI ``limits``. Its MongoDB storage makes a client of its own, where all of ours are made by
the kit's ledger; behind a storage of ours it would compare two numbers, ask for each of them again to tell
them to the client, and know no headers.
"""

import math
from dataclasses import dataclass
from typing import Any

from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import TENANTS
from graftwork_gateway.errors import RateLimited
from graftwork_gateway.errors import TooManyOpenJobs
from graftwork_gateway.errors import TooManyRows

WINDOW_SECONDS = 60
_POLICY = '"requests"'
_OPEN = {
    "ended_at": None,
    "$or": [
        {"snapshot.state": {"$nin": [state.value for state in JobState if state.terminal]}},
        {"run_wanted": {"$gt": 0}},  # ended, and about to go on
    ],
}
"""The first by the index, the second for jobs of releases that did not write it."""


@dataclass(frozen=True)
class Allowance:
    """A tenant's limits, and its ``requests`` of this minute, this one among them."""

    limits: TenantLimits
    requests: int
    resets_in_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers); none without a limit."""
        limit = self.limits.requests_per_minute
        if limit is None:
            return {}
        left = max(0, limit - self.requests)
        return {
            "RateLimit-Policy": f"{_POLICY};q={limit};w={WINDOW_SECONDS}",
            "RateLimit": f"{_POLICY};r={left};t={self.resets_in_seconds}",
        }

    def check(self) -> None:
        """Raises ``RateLimited``."""
        limit = self.limits.requests_per_minute
        if limit is not None and self.requests > limit:
            told = f"this tenant may send {limit} requests a minute; the next minute begins in"
            seconds = self.resets_in_seconds
            raise RateLimited(f"{told} {seconds} s", retry_after_seconds=seconds)


async def count_request(ledger: Ledger, tenant: str, defaults: TenantLimits) -> Allowance:
    """Count a request of the tenant, and tell what that leaves."""
    seconds = ledger.clock.now().timestamp()
    row = await ledger.upsert(TENANTS, {"_id": tenant}, _one_more(int(seconds // WINDOW_SECONDS)))
    resets_at = (row["window"] + 1) * WINDOW_SECONDS
    return Allowance(_limits_in(row, defaults), row["requests"], max(1, math.ceil(resets_at - seconds)))


def _one_more(window: int) -> list[dict[str, Any]]:
    older = {"$lt": [{"$ifNull": ["$window", -1]}, window]}
    requests = {"$cond": [older, 1, {"$add": ["$requests", 1]}]}
    return [{"$set": {"window": {"$cond": [older, window, "$window"]}, "requests": requests}}]


async def limits_of(read: Reader, tenant: str, defaults: TenantLimits) -> TenantLimits:
    """Limits of a tenant: its own, or the defaults of one that was given none."""
    return _limits_in(await read.find_one(TENANTS, {"_id": tenant}) or {}, defaults)


def _limits_in(row: Document, defaults: TenantLimits) -> TenantLimits:
    return TenantLimits.model_validate(row["limits"]) if "limits" in row else defaults


async def set_limits(tx: Transaction, tenant: str, limits: TenantLimits) -> TenantLimits:
    """Give a tenant limits of its own."""
    await tx.update(TENANTS, {"_id": tenant}, {"$set": {"limits": limits.model_dump()}}, upsert=True)
    return limits


def check_rows(limits: TenantLimits, rows: int, path: str = "count") -> None:
    """Raises ``TooManyRows``; ``path`` is where the client wrote the number."""
    if limits.rows_per_job is not None and rows > limits.rows_per_job:
        message = f"a job of this tenant may have {limits.rows_per_job} rows at most"
        raise TooManyRows(message, [ProblemError(path=path, message=message)])


async def check_open_jobs(tx: Transaction, tenant: str, limits: TenantLimits) -> None:
    """To be called before a job or a preview is opened in this transaction. Raises ``TooManyOpenJobs``."""
    if limits.open_jobs is None:
        return
    await take_turn(tx, tenant, "jobs")
    await look_for_room(tx, tenant, limits)


async def look_for_room(read: Reader, tenant: str, limits: TenantLimits) -> None:
    """As things are now, which may change before a job is opened. Raises ``TooManyOpenJobs``."""
    if limits.open_jobs is None:
        return
    mine = [await read.count(JOBS, {owner: tenant, **_OPEN}) for owner in ("tenant", "preview_for")]
    if sum(mine) >= limits.open_jobs:
        raise TooManyOpenJobs(f"this tenant may have {limits.open_jobs} jobs under way: wait until one has ended")


async def take_turn(tx: Transaction, *name: str) -> None:
    """Let transactions of the same name happen one after another: of two at once, one begins again."""
    await tx.update(TENANTS, {"_id": derived_id(*name)}, {"$inc": {"turns": 1}}, upsert=True)
