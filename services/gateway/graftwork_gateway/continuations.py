"""Jobs that go on after their end: more rows from the winner, or another try."""

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.errors import JobRunning
from graftwork_gateway.errors import NothingToRetry
from graftwork_gateway.errors import NoWinner
from graftwork_gateway.quotas import check_open_jobs
from graftwork_gateway.quotas import check_rows
from graftwork_gateway.store import Store
from graftwork_gateway.views import job_view


async def extend(tx: Transaction, tenant: str, job_id: str, rows: int, limits: TenantLimits) -> JobView:
    """Ask for more accepted rows. Raises ``NotFound``, ``JobRunning``, ``NoWinner``, and what limits raise."""
    row = await _ended(tx, tenant, job_id)
    if row.snapshot is None or row.snapshot.winner_node_id is None:
        raise NoWinner(f"no workflow of job {job_id!r} won, so none can make more rows: retry it")
    if row.count + rows > MAX_COUNT:
        message = f"a job may have {MAX_COUNT} rows at most, and this one has {row.count}"
        raise JobInvalid(message, [ProblemError(path="rows", message=message)])
    check_rows(limits, row.count + rows, "rows")
    return await _go_on(tx, row, Continuation.EXTEND, limits, rows=rows)


async def retry(tx: Transaction, tenant: str, job_id: str, limits: TenantLimits) -> JobView:
    """Ask for another try. Raises ``NotFound``, ``JobRunning``, ``NothingToRetry``, and what limits raise."""
    row = await _ended(tx, tenant, job_id)
    if row.snapshot is not None and row.snapshot.state is JobState.SUCCEEDED:
        raise NothingToRetry(f"job {job_id!r} succeeded: extend it for more rows")
    return await _go_on(tx, row, Continuation.RETRY, limits)


async def _ended(tx: Transaction, tenant: str, job_id: str) -> JobRow:
    row = await Store(tx).job(tenant, job_id)
    if row.about_to_go_on:
        raise JobRunning(f"job {job_id!r} is about to go on")
    if not row.ended:
        raise JobRunning(f"job {job_id!r} has not ended")
    return row


async def _go_on(tx: Transaction, row: JobRow, kind: Continuation, limits: TenantLimits, *, rows: int = 0) -> JobView:
    await check_open_jobs(tx, str(row.tenant), limits)
    run = row.run + 1
    news = {"run_wanted": run, "count": row.count + rows, "ended_at": None, "cancel_requested_at": None}
    await tx.update(JOBS, {"_id": row.id}, {"$set": news})
    request_id = derived_id(row.id, "run", run)
    tx.emit(JobContinuationRequested(job_id=row.id, request_id=request_id, kind=kind, rows=rows))
    return job_view(row.model_copy(update=news))
