"""Events in: the projection of what search tells. One transaction each; any order, any number of times."""

from collections.abc import Callable
from functools import partial

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.ids import derived_id
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.kit.bus import Event
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_gateway.documents import DATASETS
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES

SERVICE = "gateway"
Wake = Callable[[str], None]


def projection(wake: Wake) -> Router:
    """Router of the gateway; ``wake(job_id)`` is called when a new event of the job can be read."""
    router = Router(SERVICE)

    @router.on(SearchAdvanced)
    async def advanced(event: Event[SearchAdvanced], tx: Transaction) -> None:
        told = event.data
        await tell(tx, told, JobEvent.model_validate(told.model_dump()), wake)
        if told.node is not None:
            await keep_node(tx, told, told.node)

    @router.on(JobFinished)
    async def finished(event: Event[JobFinished], tx: Transaction) -> None:
        told = event.data
        await tell(tx, told, last_event(told), wake)
        if told.dataset is not None:
            await keep_dataset(tx, told, told.dataset)

    return router


def last_event(told: JobFinished) -> JobEvent:
    """The event that ends a job's stream; its version follows that of the last advance."""
    snapshot = told.snapshot
    message = snapshot.reason or f"the job {snapshot.state.value}"
    return JobEvent(version=snapshot.version, what=LAST_EVENT, message=message, snapshot=snapshot)


async def tell(tx: Transaction, told: EventData, event: JobEvent, wake: Wake) -> None:
    """Append to the job's events, and let the job show the snapshot if it is the newest so far."""
    job_id = told.job_id
    job = await tx.find_one(JOBS, {"_id": job_id}, {"tenant": 1, "version": 1}) or {}
    row: Document = {
        "_id": derived_id(job_id, event.version),
        "tenant": job.get("tenant"),
        "job_id": job_id,
        "version": event.version,
        "at": tx.now,
        "event": event.model_dump(mode="json"),
    }
    if not await tx.insert_new(JOB_EVENTS, row):
        return
    change: Document = {"$inc": {"events": 1}, "$max": {"version": event.version}, "$set": {}}
    if event.what == LAST_EVENT:
        change["$set"]["finished_version"] = event.version
    if event.version > job.get("version", 0):
        change["$set"]["snapshot"] = row["event"]["snapshot"]
    await tx.update(JOBS, {"_id": job_id}, change, upsert=True)
    tx.after_commit(partial(wake, job_id))


async def keep_node(tx: Transaction, told: SearchAdvanced, node: NodeSnapshot) -> None:
    """Keep the node as it is at the newest version."""
    node_row = derived_id(told.job_id, node.node_id)
    news = {"version": told.version, "round": node.round, "node": node.model_dump(mode="json")}
    if await tx.update(NODES, {"_id": node_row, "version": {"$lt": told.version}}, {"$set": news}):
        return
    owner = {"tenant": await _tenant(tx, told.job_id), "job_id": told.job_id}
    await tx.insert_new(NODES, {"_id": node_row, **owner, **news})


async def keep_dataset(tx: Transaction, told: JobFinished, dataset: DatasetSummary) -> None:
    """List the dataset."""
    owner = {"tenant": await _tenant(tx, told.job_id), "job_id": told.job_id}
    news = {"published_at": dataset.published_at, "summary": dataset.model_dump(mode="json")}
    await tx.insert_new(DATASETS, {"_id": dataset.dataset_id, **owner, **news})


async def _tenant(tx: Transaction, job_id: str) -> str | None:
    """Owner of a job; None until its row is written here, and then it adopts what came before."""
    job = await tx.find_one(JOBS, {"_id": job_id}, {"tenant": 1})
    return job.get("tenant") if job else None
