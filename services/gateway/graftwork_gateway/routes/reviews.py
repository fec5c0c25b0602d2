"""Reviews: a person looks at the first workflow and its samples before the search begins."""

from typing import Annotated

from fastapi import Path
from fastapi import Query

from graftwork.contracts.rest_reviews import ReviewAnswer
from graftwork.contracts.rest_reviews import ReviewList
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork_gateway import reviews
from graftwork_gateway.cursors import Cursor
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.idempotency import IdempotencyKey
from graftwork_gateway.routes.jobs import After
from graftwork_gateway.routes.jobs import JobId
from graftwork_gateway.routes.jobs import Limit
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems
from graftwork_gateway.views import review_view

router = api_router("reviews")

ReviewId = Annotated[str, Path(description="`id` of a review")]
State = Annotated[ReviewState | None, Query(description="only reviews of this state")]


@router.get("/reviews", summary="List reviews")
async def list_reviews(
    door: Ports, tenant: Tenant, state: State = None, cursor: After = None, limit: Limit = 20
) -> ReviewList:
    """Of all jobs, newest first, without workflow and samples."""
    after = None if cursor is None else Cursor.read(cursor)
    rows, next_cursor = await door.store.reviews(tenant, state, after, limit)
    names = await door.store.names(row.job_id for row in rows)
    items = (review_view(row, *names[row.job_id]) for row in rows if row.job_id in names)
    return ReviewList(items=tuple(items), next_cursor=next_cursor)


@router.get("/jobs/{job_id}/reviews", summary="List a job's reviews", responses=problems(404))
async def list_job_reviews(job_id: JobId, door: Ports, tenant: Tenant) -> ReviewList:
    """All of them, newest first, without workflow and samples."""
    job = await door.store.job(tenant, job_id)
    rows = await door.store.job_reviews(tenant, job_id)
    return ReviewList(items=tuple(review_view(row, job.name, job.task) for row in rows))


@router.get("/jobs/{job_id}/reviews/{review_id}", summary="Show a review", responses=problems(404, 410))
async def show_review(job_id: JobId, review_id: ReviewId, door: Ports, tenant: Tenant) -> ReviewView:
    """The workflow, and the samples it made."""
    row = await door.store.review(tenant, job_id, review_id)
    return await reviews.full_view(door.blobs, row, await door.store.job(tenant, job_id))


@router.post(
    "/jobs/{job_id}/reviews/{review_id}",
    summary="Answer a review",
    responses=problems(400, 404, 409, 413, 415),
)
async def answer_review(
    job_id: JobId, review_id: ReviewId, said: ReviewAnswer, tenant: Tenant, key: IdempotencyKey
) -> ReviewView:
    """Approve, or say what to change. Saying the same again changes nothing; something else is a 409."""
    once = key.once(said, ReviewView)
    return await once.answer(lambda tx: reviews.answer(tx, tenant, job_id, review_id, said))
