"""Events in. One transaction: inbox, tasks. Replaying it is harmless."""

from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresRequested
from graftwork.kit.bus import Event
from graftwork.kit.job_life import forget_jobs
from graftwork.kit.job_life import stop_jobs
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_evaluator.payloads import ProposeMetrics
from graftwork_evaluator.payloads import ScoreSamples

router = Router("evaluator")
stop_jobs(router)
forget_jobs(router)


@router.on(ScoresRequested)
async def judge_samples(event: Event[ScoresRequested], tx: Transaction) -> None:
    """Take the sample half of an evaluation; the workflow half is the optimizer's."""
    request = event.data
    if request.component is ScoreComponent.SAMPLE:
        tx.enqueue(ProposeMetrics.of(request) if request.metrics is None else ScoreSamples.of(request))
