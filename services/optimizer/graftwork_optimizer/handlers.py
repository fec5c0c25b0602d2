"""Events in. One transaction: inbox, tasks. Replaying it is harmless."""

from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowRequested
from graftwork.kit.bus import Event
from graftwork.kit.job_life import forget_jobs
from graftwork.kit.job_life import stop_jobs
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork_optimizer.payloads import JudgeWorkflow
from graftwork_optimizer.payloads import ProposeSeeds
from graftwork_optimizer.payloads import WriteWorkflow

router = Router("optimizer")
stop_jobs(router)
forget_jobs(router)


@router.on(SeedsRequested)
async def propose_seeds(event: Event[SeedsRequested], tx: Transaction) -> None:
    """Take the seed space of a job."""
    tx.enqueue(ProposeSeeds.of(event.data))


@router.on(WorkflowRequested)
async def write_workflow(event: Event[WorkflowRequested], tx: Transaction) -> None:
    """Take a workflow to write."""
    tx.enqueue(WriteWorkflow.of(event.data, why=event.data.kind))


@router.on(ScoresRequested)
async def judge_workflow(event: Event[ScoresRequested], tx: Transaction) -> None:
    """Take the workflow half of an evaluation; the sample half is the evaluator's."""
    if event.data.component is ScoreComponent.WORKFLOW:
        tx.enqueue(JudgeWorkflow.of(event.data))
