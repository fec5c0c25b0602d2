"""Events in: the projection of what search tells. One transaction each; any order, any number of times."""

from collections.abc import Callable
from functools import partial

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.ids import derived_id
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.snapshots import MOST_EXPERIENCES
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import Experience
from graftwork.kit.bus import Event
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_gateway.announcing import announce_end
from graftwork_gateway.announcing import announce_review
from graftwork_gateway.deletion import end_preview
from graftwork_gateway.documents import DATASETS
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES
from graftwork_gateway.reviews import close_reviews
from graftwork_gateway.reviews import keep_review

SERVICE = "gateway"
Wake = Callable[[str], None]
_KNOWN = (
    "tenant",
    "version",
    "reviews",
    "snapshot.updated_at",
    "snapshot.review",
    "deleted_at",
    "deleted_datasets",
)


def projection(wake: Wake) -> Router:
    """Router of the gateway; ``wake(job_id)`` is called when a new event of the job can be read."""
    router = Router(SERVICE)

    @router.on(SearchAdvanced)
    async def advanced(event: Event[SearchAdvanced], tx: Transaction) -> None:
        told = event.data
        job = await known_job(tx, told)
        if job is None:
            return
        await tell(tx, job, told, JobEvent.model_validate(told.model_dump()), wake)
        if told.node is not None:
            await keep_node(tx, job, told, told.node)
        if told.experience is not None:
            await keep_experience(tx, told, told.experience)

    @router.on(JobFinished)
    async def finished(event: Event[JobFinished], tx: Transaction) -> None:
        told = event.data
        job = await known_job(tx, told)
        if job is None or not await tell(tx, job, told, last_event(told), wake):
            return
        if told.dataset is not None:
            await keep_dataset(tx, job, told, told.dataset)
        await announce_end(tx, told)
        await end_preview(tx, told.job_id)

    @router.on(ReviewRequested)
    async def review_requested(event: Event[ReviewRequested], tx: Transaction) -> None:
        told = event.data
        job = await known_job(tx, told)
        if job is not None and await keep_review(tx, told, job):
            await announce_review(tx, told)

    return router


async def known_job(tx: Transaction, told: EventData) -> Document | None:
    """What is known of a job, which may be nothing; None when it was deleted."""
    job = await tx.find_one(JOBS, {"_id": told.job_id}, dict.fromkeys(_KNOWN, 1)) or {}
    return None if job.get("deleted_at") else job


def last_event(told: JobFinished) -> JobEvent:
    """The event that ends a job's stream; its version follows that of the last advance."""
    snapshot = told.snapshot
    message = snapshot.reason or f"the job {snapshot.state.value}"
    return JobEvent(version=snapshot.version, what=LAST_EVENT, message=message, snapshot=snapshot)


async def tell(tx: Transaction, job: Document, told: EventData, event: JobEvent, wake: Wake) -> bool:
    """Append to the job's events, and let the job show the snapshot if it is the newest so far.

    False: it was told before, and nothing changed.
    """
    job_id = told.job_id
    row: Document = {
        "_id": derived_id(job_id, event.version),
        "tenant": job.get("tenant"),
        "job_id": job_id,
        "version": event.version,
        "at": tx.now,
        "event": event.model_dump(mode="json"),
    }
    if not await tx.insert_new(JOB_EVENTS, row):
        return False
    last, newest = event.what == LAST_EVENT, event.version > job.get("version", 0)
    change: Document = {"$inc": {"events": 1}, "$max": {"version": event.version}, "$set": {}}
    if last:
        change["$max"]["finished_version"] = event.version
    if newest:
        change["$set"] = {"snapshot": row["event"]["snapshot"], "ended_at": tx.now if last else None}
        if job.get("reviews"):
            await close_reviews(tx, event.snapshot)
    await tx.update(JOBS, {"_id": job_id}, change, upsert=True)
    tx.after_commit(partial(wake, job_id))
    return True


async def keep_node(tx: Transaction, job: Document, told: SearchAdvanced, node: NodeSnapshot) -> None:
    """Keep the node as it is at the newest version."""
    node_row = derived_id(told.job_id, node.node_id)
    news = {"version": told.version, "round": node.round, "node": node.model_dump(mode="json")}
    if await tx.update(NODES, {"_id": node_row, "version": {"$lt": told.version}}, {"$set": news}):
        return
    owner = {"tenant": job.get("tenant"), "job_id": told.job_id}
    await tx.insert_new(NODES, {"_id": node_row, **owner, **news})


async def keep_experience(tx: Transaction, told: SearchAdvanced, experience: Experience) -> None:
    """Let the nodes that learned of it show it, where nothing newer is known of them."""
    learned = {"$each": [experience.model_dump(mode="json")], "$slice": -MOST_EXPERIENCES}
    for node_id in told.taught:
        older = {"_id": derived_id(told.job_id, node_id), "version": {"$lt": told.version}}
        await tx.update(NODES, older, {"$push": {"node.experiences": learned}, "$set": {"version": told.version}})


async def keep_dataset(tx: Transaction, job: Document, told: JobFinished, dataset: DatasetSummary) -> None:
    """List the dataset; a job that was extended has one of each run.

    A run that publishes none tells the last one again, which may have been deleted since.
    """
    if dataset.dataset_id in job.get("deleted_datasets", ()):
        return
    owner = {"tenant": job.get("tenant"), "job_id": told.job_id}
    news = {"published_at": dataset.published_at, "summary": dataset.model_dump(mode="json")}
    if await tx.insert_new(DATASETS, {"_id": dataset.dataset_id, **owner, **news}):
        await tx.update(JOBS, {"_id": told.job_id}, {"$push": {"datasets": dataset.dataset_id}})
