"""What the services' journals keep of a job, added up without asking the search."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.usage import Usage
from graftwork.kit.clock import SystemClock
from graftwork.kit.ledger import JOURNAL
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Ledger

_ASKING = ("optimizer", "evaluator", "runner")
_METRICS = ("propose_metrics:", "calibrate_metrics:")


@dataclass(frozen=True)
class RecordedCall:
    """One model call: the answer as the plane gave it, and what it was made for."""

    pool: str
    purpose: SpendPurpose
    usage: Usage
    answer: dict[str, Any]


async def recorded_calls(mongo: str, namespace: str, job_id: str) -> list[RecordedCall]:
    """Every call that any service made for a job."""
    return [call for service in _ASKING for call in await _of_service(mongo, namespace, service, job_id)]


def added_up(calls: Sequence[RecordedCall], by: Callable[[RecordedCall], str]) -> dict[str, Usage]:
    """Usage by pool, or by whatever ``by`` tells."""
    return {
        name: Usage.total(call.usage for call in calls if by(call) == name) for name in {by(call) for call in calls}
    }


async def _of_service(mongo: str, namespace: str, service: str, job_id: str) -> list[RecordedCall]:
    ledger = Ledger.connect(mongo, service=service, namespace=namespace, clock=SystemClock())
    try:
        rows = await ledger.read.find(JOURNAL, {"job_id": job_id})
        tasks = {task["_id"]: task["payload"] for task in await ledger.read.find(TASKS, {"job_id": job_id})}
    finally:
        await ledger.close()
    return [
        RecordedCall(
            pool=row["pool"],
            purpose=_purpose(row["task_id"], tasks[row["task_id"]]),
            usage=Usage.model_validate(row["usage"]),
            answer=row["answer"],
        )
        for row in rows
    ]


def _purpose(task_id: str, payload: dict[str, Any]) -> SpendPurpose:
    if task_id.startswith(_METRICS):
        return SpendPurpose.METRICS
    if task_id.startswith(("score_samples:", "judge_workflow:")):
        return SpendPurpose.SCORING
    return SpendPurpose.PRODUCTION if payload.get("purpose") == "production" else SpendPurpose.SEARCH
