"""Jobs that go on after their end: more rows from the winner, or another try."""

import math
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from fractions import Fraction

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.door import Door
from graftwork_gateway.errors import BudgetExhausted
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.errors import JobRunning
from graftwork_gateway.errors import NothingToRetry
from graftwork_gateway.errors import NoWinner
from graftwork_gateway.idempotency import Once
from graftwork_gateway.quotas import check_open_jobs
from graftwork_gateway.quotas import check_rows
from graftwork_gateway.store import Store
from graftwork_gateway.views import job_view

Work = Callable[[Transaction, JobSpec], Awaitable[JobView]]
_LIMITS = ("calls", "tokens", "cost_usd")
_BUDGET_EXHAUSTED = "budget_exhausted"


async def with_spec(door: Door, tenant: str, job_id: str, once: Once[JobView], work: Work) -> JobView:
    """What ``work`` answers, once, given the job as it was submitted. Raises ``NotFound``, and what ``work`` raises."""
    answer = await once.stored()
    if answer is not None:
        return answer
    spec = await door.blobs.get_model((await door.store.job(tenant, job_id)).spec, JobSpec)
    return await once.answer(lambda tx: work(tx, spec))


async def extend(
    tx: Transaction, tenant: str, job_id: str, rows: int, *, limits: TenantLimits, spec: JobSpec
) -> JobView:
    """Ask for more accepted rows.

    Raises ``NotFound``, ``JobRunning``, ``NoWinner``, ``BudgetExhausted``, and what limits raise.
    """
    row = await _ended(tx, tenant, job_id)
    if row.snapshot is None or row.snapshot.winner_node_id is None:
        raise NoWinner(f"no workflow of job {job_id!r} won, so none can make more rows: retry it")
    if row.count + rows > MAX_COUNT:
        message = f"a job may have {MAX_COUNT} rows at most, and this one has {row.count}"
        raise JobInvalid(message, [ProblemError(path="rows", message=message)])
    check_rows(limits, row.count + rows, "rows")
    _refuse_used_up(job_id, used_up(row.snapshot, spec))
    return await _go_on(tx, row, Continuation.EXTEND, limits, rows=rows)


async def retry(tx: Transaction, tenant: str, job_id: str, *, limits: TenantLimits, spec: JobSpec) -> JobView:
    """Ask for another try.

    Raises ``NotFound``, ``JobRunning``, ``NothingToRetry``, ``BudgetExhausted``, and what limits raise. A job that
    ended for another reason may need nothing more of its budget, and is let through.
    """
    row = await _ended(tx, tenant, job_id)
    if row.snapshot is not None and row.snapshot.state is JobState.SUCCEEDED:
        raise NothingToRetry(f"job {job_id!r} succeeded: extend it for more rows")
    if row.snapshot is not None and row.snapshot.reason == _BUDGET_EXHAUSTED:
        _refuse_used_up(job_id, [*used_up(row.snapshot, spec), *_candidates_used_up(row, row.snapshot, spec)])
    return await _go_on(tx, row, Continuation.RETRY, limits)


def used_up(told: JobSnapshot, spec: JobSpec) -> list[str]:
    """Limits of the budget of which nothing is left, each as it is read; of an unknown cost it may have been all."""
    return list(_used_up(told, spec))


def _used_up(told: JobSnapshot, spec: JobSpec) -> Iterator[str]:
    for name in _LIMITS:
        limit, spent = getattr(spec.budget, name), getattr(told.spent.total, name)
        if limit is not None and (spent is None or spent >= limit):
            yield f"budget.{name} ({limit:g})"


def _candidates_used_up(row: JobRow, told: JobSnapshot, spec: JobSpec) -> list[str]:
    """As search counts them: they grow with the rows that the job was extended by."""
    most = math.ceil(Fraction(spec.candidate_budget * row.count, spec.count))
    return [f"budget.candidates ({most})"] if told.production.attempted >= most else []


def _refuse_used_up(job_id: str, limits: list[str]) -> None:
    if limits:
        told = " and ".join(limits)
        raise BudgetExhausted(f"job {job_id!r} has used up {told}, which is of the whole job: submit a new one")


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
