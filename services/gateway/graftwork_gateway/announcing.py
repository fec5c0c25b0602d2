"""What webhooks are told: one task for each webhook and event, enqueued with the event's admission."""

from collections.abc import Mapping
from typing import Any
from typing import ClassVar

from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.ids import canonical_json
from graftwork.contracts.ids import digest
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Transaction
from graftwork.kit.tasks import TaskPayload
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import REVIEWS
from graftwork_gateway.documents import WEBHOOKS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import ReviewRow
from graftwork_gateway.views import job_view
from graftwork_gateway.views import review_view

_JOB_FIELDS = {"id", "name", "count", "state", "reason", "dataset_id", "created_at", "updated_at", "links"}
_REVIEW_FIELDS = {"id", "job_id", "job_name", "round", "rounds", "samples_ok", "opened_at", "expires_at", "links"}


class CallWebhook(TaskPayload):
    """Tell a webhook. ``request_id`` is the message's id and ``body`` its bytes: the same at every try."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False

    webhook_id: str
    body: str


async def announce_end(tx: Transaction, told: JobFinished) -> None:
    """Tell of a job's end."""
    found = await tx.find_one(JOBS, {"_id": told.job_id})
    if found is None or found.get("tenant") is None:
        return
    data = job_view(JobRow.of(found)).model_dump(mode="json", include=_JOB_FIELDS)
    await _announce(tx, WebhookEvent.JOB_FINISHED, told, found, data)


async def announce_review(tx: Transaction, told: ReviewRequested) -> None:
    """Tell of a review that waits for an answer."""
    job = await tx.find_one(JOBS, {"_id": told.job_id})
    found = await tx.find_one(REVIEWS, {"_id": told.review_id})
    if job is None or found is None or job.get("tenant") is None:
        return
    view = review_view(ReviewRow.of(found), job["name"], job["task"])
    data = view.model_dump(mode="json", include=_REVIEW_FIELDS)
    await _announce(tx, WebhookEvent.REVIEW_REQUESTED, told, job, data)


async def _announce(
    tx: Transaction, kind: WebhookEvent, told: EventData, job: Document, data: Mapping[str, Any]
) -> None:
    body = canonical_json({"type": kind.value, "timestamp": tx.now.isoformat(), "data": data}).decode()
    for webhook in await tx.find(WEBHOOKS, {"tenant": job["tenant"], "events": kind.value}, projection={"_id": 1}):
        message_id = f"msg_{digest([kind.value, told.identity, webhook['_id']])[:32]}"
        tx.enqueue(CallWebhook(job_id=told.job_id, request_id=message_id, webhook_id=webhook["_id"], body=body))
