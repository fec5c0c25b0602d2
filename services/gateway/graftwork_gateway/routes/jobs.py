"""Submit, list, show and cancel jobs."""

from typing import Annotated

from fastapi import Path
from fastapi import Query
from fastapi import Response
from fastapi import status

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork_gateway import submission
from graftwork_gateway.cursors import Cursor
from graftwork_gateway.door import Limits
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.idempotency import IdempotencyKey
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems
from graftwork_gateway.views import job_view

router = api_router("jobs")

JobId = Annotated[str, Path(description="as given by `POST /v1/jobs`")]
After = Annotated[str | None, Query(alias="cursor", description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, description="length of a page")]


@router.post(
    "/jobs",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Submit a job",
    responses={
        status.HTTP_202_ACCEPTED: {"headers": {"Location": {"schema": {"type": "string"}}}},
        **problems(400, 403, 409, 413, 415),
    },
)
async def submit_job(
    spec: JobSpec, door: Ports, tenant: Tenant, *, limits: Limits, key: IdempotencyKey, response: Response
) -> JobView:
    """Check the job against the schema and the pools, take it, and answer before any of it is done."""
    view = await submission.submit(door, tenant, spec, key.once(spec, JobView), limits)
    response.headers["Location"] = view.links["self"]
    return view


@router.get("/jobs", summary="List jobs")
async def list_jobs(door: Ports, tenant: Tenant, cursor: After = None, limit: Limit = 20) -> JobList:
    """Newest first."""
    after = None if cursor is None else Cursor.read(cursor)
    rows, next_cursor = await door.store.jobs(tenant, after, limit)
    return JobList(items=tuple(map(job_view, rows)), next_cursor=next_cursor)


@router.get("/jobs/{job_id}", summary="Show a job", responses=problems(404))
async def show_job(job_id: JobId, door: Ports, tenant: Tenant) -> JobView:
    """The job as last told by the search."""
    return job_view(await door.store.job(tenant, job_id))


@router.post(
    "/jobs/{job_id}/cancel",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Cancel a job",
    responses=problems(404, 409),
)
async def cancel_job(job_id: JobId, door: Ports, tenant: Tenant) -> JobView:
    """Ask for the end of a job. What was accepted by then is published. Asking again changes nothing."""
    return await submission.cancel(door, tenant, job_id)
