"""Events in. One transaction: inbox, tasks. Replaying it is harmless.

``job.stopping`` is not heard: all work here outlives its job (``payloads``).
"""

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobDeleted
from graftwork.kit.bus import Event
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_curator.payloads import AcceptSamples
from graftwork_curator.payloads import PublishDataset

router = Router("curator")


@router.on(AcceptanceRequested)
async def accept(event: Event[AcceptanceRequested], tx: Transaction) -> None:
    """A production round wants its rows judged."""
    tx.enqueue(AcceptSamples.of(event.data))


@router.on(DatasetRequested)
async def publish(event: Event[DatasetRequested], tx: Transaction) -> None:
    """A job wants its accepted rows published."""
    tx.enqueue(PublishDataset.of(event.data))


@router.on(JobDeleted)
async def delete(event: Event[JobDeleted], tx: Transaction) -> None:
    """Nothing of a job is wanted any more."""
    tx.enqueue(ForgetJob(job_id=event.data.job_id, request_id=event.data.job_id))
