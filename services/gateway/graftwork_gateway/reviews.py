"""Reviews: what search asks a person, and what the person answers."""

from datetime import datetime

from graftwork.contracts.events import Decision
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.rest_reviews import ReviewAnswer
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.blobs import Blobs
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import REVIEWS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import ReviewRow
from graftwork_gateway.documents import as_stored
from graftwork_gateway.errors import ReviewAnswered
from graftwork_gateway.errors import ReviewClosed
from graftwork_gateway.store import Store
from graftwork_gateway.views import review_view

_ANSWERED = {Decision.APPROVE: ReviewState.APPROVED, Decision.REVISE: ReviewState.REVISED}
_UNANSWERED = [ReviewState.OPEN, ReviewState.EXPIRED, ReviewState.WITHDRAWN]


async def keep_review(tx: Transaction, told: ReviewRequested, job: Document) -> bool:
    """List a review; ``job`` is what is known of its job. False: it was told before."""
    asked = told.model_dump(exclude={"review_id"})
    row = ReviewRow.model_validate({**asked, "id": told.review_id, "tenant": job.get("tenant")})
    snapshot = job.get("snapshot")
    if snapshot is not None:
        open_id = snapshot["review"] and snapshot["review"]["review_id"]
        state = state_told(row, open_id, datetime.fromisoformat(snapshot["updated_at"]))
        row = row.model_copy(update={"state": state})
    document = {"_id": row.id, **row.model_dump(exclude={"id"})}
    if not await tx.insert_new(REVIEWS, document):
        return False
    await tx.update(JOBS, {"_id": told.job_id}, {"$inc": {"reviews": 1}}, upsert=True)
    return True


async def close_reviews(tx: Transaction, newest: JobSnapshot) -> None:
    """Note which reviews of the job nobody waits for any more; one that search does wait for is open."""
    open_id = None if newest.review is None else newest.review.review_id
    waiting = {"job_id": newest.job_id, "state": {"$in": _UNANSWERED}}
    for row in map(ReviewRow.of, await tx.find(REVIEWS, waiting)):
        state = state_told(row, open_id, newest.updated_at)
        if state is not row.state and ReviewState.OPEN in {state, row.state}:
            await tx.update(REVIEWS, {"_id": row.id}, {"$set": {"state": state.value}})


def state_told(row: ReviewRow, open_id: str | None, at: datetime) -> ReviewState:
    """What a snapshot of time ``at`` tells of a review without an answer; it may be older than the review."""
    if row.id == open_id or at <= row.opened_at:
        return ReviewState.OPEN
    expired = row.expires_at is not None and at >= row.expires_at
    return ReviewState.EXPIRED if expired else ReviewState.WITHDRAWN


async def answer(tx: Transaction, tenant: str, job_id: str, review_id: str, said: ReviewAnswer) -> ReviewView:
    """Tell search what a person says; saying the same again changes nothing.

    Raises ``NotFound``, ``ReviewAnswered`` and ``ReviewClosed``.
    """
    store = Store(tx)
    row = await store.review(tenant, job_id, review_id)
    job = await store.job(tenant, job_id)
    state = _ANSWERED[said.decision]
    if row.answered_at is None:
        _refuse_late(row, job, tx.now)
        row = row.model_copy(update={"state": state, "feedback": said.feedback, "answered_at": as_stored(tx.now)})
        news = row.model_dump(include={"state", "feedback", "answered_at"})
        await tx.update(REVIEWS, {"_id": review_id}, {"$set": news})
        tx.emit(_told(row, said, tx.now))
    elif (row.state, row.feedback) != (state, said.feedback):
        raise ReviewAnswered(f"review {review_id!r} was {row.state} before: an answer cannot be taken back")
    return review_view(row, job.name, job.task)


def _refuse_late(row: ReviewRow, job: JobRow, now: datetime) -> None:
    if row.state is not ReviewState.OPEN:
        raise ReviewClosed(f"review {row.id!r} is {row.state}: the job does not wait for it any more")
    if job.cancel_requested_at is not None:
        raise ReviewClosed(f"job {job.id!r} is being cancelled")
    if row.expires_at is not None and now >= row.expires_at:
        raise ReviewClosed(f"review {row.id!r} expired at {row.expires_at.isoformat()}")


def _told(row: ReviewRow, said: ReviewAnswer, at: datetime) -> ReviewSubmitted:
    return ReviewSubmitted(
        job_id=row.job_id,
        review_id=row.id,
        decision=said.decision,
        feedback=said.feedback,
        submitted_at=at,
    )


async def full_view(blobs: Blobs, row: ReviewRow, job: JobRow) -> ReviewView:
    """A review with the workflow and its samples. Raises ``BlobMissing``."""
    shown = review_view(row, job.name, job.task)
    workflow = await blobs.get_model(row.workflow, Workflow)
    samples = tuple(await blobs.read_models(row.samples, SampleRow))
    return shown.model_copy(update={"workflow": workflow, "samples": samples})
