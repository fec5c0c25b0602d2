"""Events in. One transaction: inbox, tasks. Replaying it is harmless.

``job.stopping`` is not heard: all work here outlives its job (``payloads``).
"""

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetRequested
from graftwork.kit.bus import Event
from graftwork.kit.job_life import forget_jobs
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_curator.payloads import AcceptSamples
from graftwork_curator.payloads import PublishDataset
from graftwork_curator.store import DATASETS
from graftwork_curator.store import ROUNDS

router = Router("curator")
forget_jobs(router, (ROUNDS, DATASETS))


@router.on(AcceptanceRequested)
async def accept(event: Event[AcceptanceRequested], tx: Transaction) -> None:
    """A production round wants its rows judged."""
    tx.enqueue(AcceptSamples.of(event.data))


@router.on(DatasetRequested)
async def publish(event: Event[DatasetRequested], tx: Transaction) -> None:
    """A job wants its accepted rows published."""
    tx.enqueue(PublishDataset.of(event.data))
