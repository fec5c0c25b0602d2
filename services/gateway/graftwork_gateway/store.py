"""Reads of the gateway's ledger. Every query names the tenant."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeVar

from pymongo import ASCENDING
from pymongo import DESCENDING

from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Reader
from graftwork_gateway.cursors import Cursor
from graftwork_gateway.documents import DATASETS
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES
from graftwork_gateway.documents import REVIEWS
from graftwork_gateway.documents import DatasetRow
from graftwork_gateway.documents import EventRow
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import NodeRow
from graftwork_gateway.documents import ReviewRow
from graftwork_gateway.errors import NotFound

R = TypeVar("R", JobRow, DatasetRow, ReviewRow)

_ALL: Document = {}


class Store:
    """What a tenant can see. Raises ``NotFound`` for what is not there or not the tenant's."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    async def job(self, tenant: str, job_id: str) -> JobRow:
        """One job."""
        return JobRow.of(await self._one(JOBS, {"_id": job_id, "tenant": tenant}, f"no job {job_id!r}"))

    async def jobs(self, tenant: str, after: Cursor | None, limit: int) -> tuple[Sequence[JobRow], str | None]:
        """A page of jobs, newest first, and the cursor of the next one."""
        rows = await self._page(JOBS, "created_at", tenant, after, limit)
        return _cut([JobRow.of(row) for row in rows], "created_at", limit)

    async def events(self, tenant: str, job_id: str, first: int, limit: int) -> Sequence[EventRow]:
        """Events of a job from version ``first`` on, by version."""
        query = {"job_id": job_id, "version": {"$gte": first}, "tenant": tenant}
        rows = await self._read.find(JOB_EVENTS, query, sort=[("version", ASCENDING)], limit=limit)
        return [EventRow.of(row) for row in rows]

    async def nodes(self, tenant: str, job_id: str) -> Sequence[NodeRow]:
        """All nodes of a job, by round."""
        rows = await self._read.find(NODES, {"job_id": job_id, "tenant": tenant})
        return sorted((NodeRow.of(row) for row in rows), key=lambda row: (row.round, len(row.id), row.id))

    async def node(self, tenant: str, job_id: str, node_id: str) -> NodeRow:
        """One node of a job."""
        query = {"job_id": job_id, "tenant": tenant, "node.node_id": node_id}
        return NodeRow.of(await self._one(NODES, query, f"job {job_id!r} has no node {node_id!r}"))

    async def parent(self, tenant: str, job_id: str, node: NodeSnapshot) -> NodeSnapshot | None:
        """The node's parent; None for a root, and while nothing was told of it."""
        query = {"job_id": job_id, "tenant": tenant, "node.node_id": node.parent_id}
        found = None if node.parent_id is None else await self._read.find_one(NODES, query)
        return None if found is None else NodeRow.of(found).node

    async def dataset(self, tenant: str, dataset_id: str) -> DatasetRow:
        """One dataset."""
        found = await self._one(DATASETS, {"_id": dataset_id, "tenant": tenant}, f"no dataset {dataset_id!r}")
        return DatasetRow.of(found)

    async def datasets(self, tenant: str, after: Cursor | None, limit: int) -> tuple[Sequence[DatasetRow], str | None]:
        """A page of datasets, newest first, and the cursor of the next one."""
        rows = await self._page(DATASETS, "published_at", tenant, after, limit)
        return _cut([DatasetRow.of(row) for row in rows], "published_at", limit)

    async def review(self, tenant: str, job_id: str, review_id: str) -> ReviewRow:
        """One review of a job."""
        mine = {"_id": review_id, "job_id": job_id, "tenant": tenant}
        return ReviewRow.of(await self._one(REVIEWS, mine, f"job {job_id!r} has no review {review_id!r}"))

    async def job_reviews(self, tenant: str, job_id: str) -> Sequence[ReviewRow]:
        """All reviews of a job, newest first."""
        rows = await self._read.find(REVIEWS, {"job_id": job_id, "tenant": tenant}, sort=[("opened_at", DESCENDING)])
        return [ReviewRow.of(row) for row in rows]

    async def reviews(
        self, tenant: str, state: ReviewState | None, after: Cursor | None, limit: int
    ) -> tuple[Sequence[ReviewRow], str | None]:
        """A page of reviews, newest first, and the cursor of the next one."""
        only = {} if state is None else {"state": state.value}
        rows = await self._page(REVIEWS, "opened_at", tenant, after, limit, only)
        return _cut([ReviewRow.of(row) for row in rows], "opened_at", limit)

    async def names(self, job_ids: Iterable[str]) -> Mapping[str, tuple[str, str]]:
        """Job -> its name and task."""
        query = {"_id": {"$in": sorted(set(job_ids))}}
        rows = await self._read.find(JOBS, query, projection={"name": 1, "task": 1})
        return {row["_id"]: (row["name"], row["task"]) for row in rows if "name" in row}

    async def _one(self, collection: str, query: Document, missing: str) -> Document:
        found = await self._read.find_one(collection, query)
        if found is None:
            raise NotFound(missing)
        return found

    async def _page(  # noqa: PLR0917 - a private query, in the order of its parts
        self, collection: str, field: str, tenant: str, after: Cursor | None, limit: int, only: Document = _ALL
    ) -> Sequence[Document]:
        query = {"tenant": tenant, **only, **(after.older_by(field) if after else {})}
        newest_first = [(field, DESCENDING), ("_id", DESCENDING)]
        return await self._read.find(collection, query, sort=newest_first, limit=limit + 1)


def _cut(rows: Sequence[R], field: str, limit: int) -> tuple[Sequence[R], str | None]:
    """The page itself, and a cursor when one row more was found."""
    page = rows[:limit]
    more = len(rows) > limit
    return page, str(Cursor(at=getattr(page[-1], field), id=page[-1].id)) if more else None


async def event_counts(read: Reader, job_ids: Sequence[str]) -> dict[str, int]:
    """Job -> number of its events here. For waking streams only, so it crosses tenants and tells nothing else."""
    rows = await read.find(JOBS, {"_id": {"$in": list(job_ids)}}, projection={"events": 1})
    return {row["_id"]: row.get("events", 0) for row in rows}
