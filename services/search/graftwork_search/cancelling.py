"""Cancellations that came before the run that they cancel: topics keep no order among each other."""

from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.ids import derived_id
from graftwork.kit.ledger import Transaction
from graftwork_search.documents import CANCELLATIONS
from graftwork_search.ending import cancel
from graftwork_search.session import JobSession


async def remember_cancellation(tx: Transaction, told: JobCancellationRequested) -> None:
    """Keep it until its run begins."""
    row = {"_id": derived_id(told.job_id, told.run), "job_id": told.job_id, "reason": told.reason}
    await tx.insert_new(CANCELLATIONS, row)


async def cancelled_before(session: JobSession) -> bool:
    """Stop the run that begins, if a client has said so already; whether it has."""
    row = await session.tx.find_one(CANCELLATIONS, {"_id": derived_id(session.job.id, session.job.run)})
    if row is None:
        return False
    await cancel(session, row["reason"])
    return True
