"""Deletion: rows are gone at once for clients, payloads soon after, by a task that is tried until they are."""

from contextlib import suppress
from datetime import timedelta
from typing import ClassVar

from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobDeleted
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork.kit.ledger import Transaction
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork_gateway.documents import DATASETS
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES
from graftwork_gateway.documents import REVIEWS
from graftwork_gateway.documents import DatasetRow
from graftwork_gateway.documents import JobRow
from graftwork_gateway.errors import JobRunning
from graftwork_gateway.store import Store

_PATIENCE = timedelta(days=7)
_RETRY_SECONDS = 30.0
_LOOKS = 5


class DeletePayloads(TaskPayload):
    """Delete what lies under ``prefixes``, and the events of a job that is gone as a whole."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False

    prefixes: tuple[str, ...]
    whole_job: bool = False


class EndPreview(TaskPayload):
    """End and delete a preview that its client waits for no more, also where the gateway died meanwhile."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False


async def delete_payloads(task: DeletePayloads, ctx: TaskContext) -> None:
    """Delete payloads and events; may run twice. Raises ``DependencyDown``."""
    for prefix in task.prefixes:
        await delete_all(ctx.blobs, prefix)
    async with ctx.commit() as tx:
        if task.whole_job:
            tx.then(lambda tx: tx.delete(JOB_EVENTS, {"job_id": task.job_id}))


async def delete_all(blobs: Blobs, prefix: str) -> None:
    """Delete what lies under ``prefix``, also while another worker does the same. Raises ``DependencyDown``."""
    for _ in range(_LOOKS):
        with suppress(BlobMissing):  # listed, and deleted by another before we could: the others are still to do
            await blobs.delete_under(prefix)
            return
    raise DependencyDown(f"files under {prefix} vanish as they are deleted", retry_after_seconds=_RETRY_SECONDS)


async def end_given_up_preview(task: EndPreview, ctx: TaskContext) -> None:
    """Delete the preview if it is still there."""
    async with ctx.commit() as tx:
        tx.then(lambda tx: give_up_preview(tx, task.job_id))


async def delete_job(tx: Transaction, tenant: str, job_id: str) -> None:
    """Delete an ended job with its datasets. Raises ``NotFound`` and ``JobRunning``."""
    row = await Store(tx).job(tenant, job_id)
    if not row.ended:
        raise JobRunning(f"job {job_id!r} has not ended: cancel it first")
    await _forget(tx, row, tenant)


async def delete_dataset(tx: Transaction, tenant: str, dataset_id: str) -> None:
    """Delete a dataset; its job stays. Raises ``NotFound``."""
    row = await Store(tx).dataset(tenant, dataset_id)
    await tx.delete(DATASETS, {"_id": dataset_id})
    change = {"$pull": {"datasets": dataset_id}, "$addToSet": {"deleted_datasets": dataset_id}}
    await tx.update(JOBS, {"_id": row.job_id}, change)
    _enqueue(tx, row.job_id, dataset_id, prefixes=(row.summary.location,))


async def give_up_preview(tx: Transaction, job_id: str) -> None:
    """Delete a preview: now if it has ended, else once it has, as soon as search can end it."""
    found = await tx.find_one(JOBS, {"_id": job_id, "preview_for": {"$ne": None}})
    if found is None:
        return
    row = JobRow.of(found)
    if row.ended:
        await _forget(tx, row, str(row.preview_for))
    elif row.cancel_requested_at is None:
        await tx.update(JOBS, {"_id": job_id}, {"$set": {"cancel_requested_at": tx.now}})
        tx.emit(JobCancellationRequested(job_id=job_id, reason="the preview was given up"))


async def end_preview(tx: Transaction, job_id: str) -> None:
    """Delete a preview that has ended, if it was given up before."""
    given_up = {"_id": job_id, "preview_for": {"$ne": None}, "cancel_requested_at": {"$ne": None}}
    if await tx.find_one(JOBS, given_up, {"_id": 1}) is not None:
        await give_up_preview(tx, job_id)


async def _forget(tx: Transaction, row: JobRow, tenant: str) -> None:
    datasets = [DatasetRow.of(one) for one in await tx.find(DATASETS, {"job_id": row.id})]
    for collection in (NODES, DATASETS, REVIEWS):
        await tx.delete(collection, {"job_id": row.id})
    await tx.update(JOBS, {"_id": row.id}, [{"$replaceWith": {"_id": row.id, "deleted_at": tx.now}}])
    tx.emit(JobDeleted(job_id=row.id, tenant=tenant))
    locations = (dataset.summary.location for dataset in datasets)
    _enqueue(tx, row.id, row.id, prefixes=(row.id, *locations), whole_job=True)


def _enqueue(
    tx: Transaction, job_id: str, request_id: str, *, prefixes: tuple[str, ...], whole_job: bool = False
) -> None:
    task = DeletePayloads(
        job_id=job_id,
        request_id=request_id,
        deadline=tx.now + _PATIENCE,
        prefixes=prefixes,
        whole_job=whole_job,
    )
    tx.enqueue(task)
