"""Commands of clients: one transaction for the job, the idempotency row and the event."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import DependencyDown
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import get_logger
from graftwork.kit.spans import tell
from graftwork_gateway import metrics
from graftwork_gateway.documents import DATASETS
from graftwork_gateway.documents import JOB_EVENTS
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES
from graftwork_gateway.documents import REVIEWS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import as_stored
from graftwork_gateway.door import Door
from graftwork_gateway.errors import ApiError
from graftwork_gateway.errors import JobEnded
from graftwork_gateway.errors import NotFound
from graftwork_gateway.idempotency import Once
from graftwork_gateway.pools import check_models
from graftwork_gateway.pools import pinned
from graftwork_gateway.quotas import check_open_jobs
from graftwork_gateway.quotas import check_rows
from graftwork_gateway.quotas import look_for_room
from graftwork_gateway.views import job_view

log = get_logger(__name__)


async def submit(door: Door, tenant: str, spec: JobSpec, once: Once[JobView], limits: TenantLimits) -> JobView:
    """Take a job, once per key.

    Raises ``JobInvalid``, ``TooManyRows``, ``TooManyOpenJobs``, ``IdempotencyConflict``, and ``RetryableError``
    while the pools cannot be asked.
    """
    answer = await once.stored()
    if answer is not None:
        return answer
    check_rows(limits, spec.count)
    await look_for_room(door.ledger.read, tenant, limits)
    pools = await check_models(spec, door.plane, door.settings)
    row = await job_row(door, tenant, pinned(spec, pools))
    async with unless_refused(door, row):
        view = await once.answer(lambda tx: _record(tx, row, limits))
    tell(job_id=view.id)
    if view.id == row.id:
        metrics.JOBS_SUBMITTED.inc()
        log.info("job.submitted", job_id=view.id, tenant=tenant)
    else:  # another request with the same key was faster
        await _discard_spec(door.blobs, row.id)
    return view


async def job_row(door: Door, tenant: str | None, spec: JobSpec, *, preview_for: str | None = None) -> JobRow:
    """The row of a new job, whose spec is stored; a preview is of no tenant, and so in nobody's lists."""
    now = door.clock.now()
    job_id = door.new_job_id(now)
    tell(job_id=job_id)
    return JobRow(
        id=job_id,
        tenant=tenant,
        preview_for=preview_for,
        name=spec.name,
        task=spec.task,
        count=spec.count,
        strategy=spec.strategy,
        spec=await door.blobs.put_json(spec, f"{job_id}/spec"),
        created_at=as_stored(now),
    )


@asynccontextmanager
async def unless_refused(door: Door, row: JobRow) -> AsyncIterator[None]:
    """Around the transaction that takes a job: leave nothing of one that it refuses.

    After any other error nobody knows whether it was taken, and a job that was needs its spec.
    """
    try:
        yield
    except ApiError:
        await _discard_spec(door.blobs, row.id)
        raise


async def _discard_spec(blobs: Blobs, job_id: str) -> None:
    try:
        await blobs.delete_under(job_id)
    except DependencyDown as error:
        log.warning("spec.left_behind", job_id=job_id, error=str(error))


async def _record(tx: Transaction, row: JobRow, limits: TenantLimits) -> JobView:
    tenant = str(row.tenant)
    await check_open_jobs(tx, tenant, limits)
    await write_job(tx, row)
    tx.emit(JobSubmitted(job_id=row.id, tenant=tenant, spec=row.spec, submitted_at=row.created_at))
    return job_view(row)


async def write_job(tx: Transaction, row: JobRow) -> None:
    """Write what the client asked for; what search told before belongs to it."""
    early = await tx.find_one(JOBS, {"_id": row.id}, {"_id": 1}) is not None
    await tx.update(JOBS, {"_id": row.id}, {"$set": row.submission()}, upsert=True)
    if early:  # its events were faster than this row
        for collection in (JOB_EVENTS, NODES, DATASETS, REVIEWS):
            await tx.update_many(collection, {"job_id": row.id}, {"$set": {"tenant": row.tenant}})


async def cancel(door: Door, tenant: str, job_id: str) -> JobView:
    """Ask search to stop a job; asking again changes nothing. Raises ``NotFound`` and ``JobEnded``."""
    return await door.ledger.transaction(lambda tx: _cancel(tx, tenant, job_id))


async def _cancel(tx: Transaction, tenant: str, job_id: str) -> JobView:
    mine = {"_id": job_id, "tenant": tenant}
    found = await tx.find_one(JOBS, mine)
    if found is None:
        raise NotFound(f"no job {job_id!r}")
    row = JobRow.of(found)
    if row.ended:
        state = row.snapshot.state.value if row.snapshot else "ended"
        raise JobEnded(f"job {job_id!r} is {state}: there is nothing left to cancel")
    if row.cancel_requested_at is None:
        row = row.model_copy(update={"cancel_requested_at": tx.now})
        await tx.update(JOBS, mine, {"$set": {"cancel_requested_at": row.cancel_requested_at}})
        tx.emit(JobCancellationRequested(job_id=job_id, run=row.run_wanted))
    return job_view(row)
