"""Events in. One transaction: inbox, tasks. Replaying it is harmless."""

from graftwork.contracts.events import SamplesRequested
from graftwork.kit.bus import Event
from graftwork.kit.job_life import forget_jobs
from graftwork.kit.job_life import stop_jobs
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_runner.payloads import GenerateSamples

router = Router("runner")
stop_jobs(router)
forget_jobs(router)


@router.on(SamplesRequested)
async def generate_samples(event: Event[SamplesRequested], tx: Transaction) -> None:
    """Take a chunk of seeds."""
    tx.enqueue(GenerateSamples.of(event.data))
