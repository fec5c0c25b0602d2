"""Before a job: what it would take, and what its first rows look like."""

from typing import Annotated

from fastapi import Query
from fastapi import Request

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork_gateway import previews
from graftwork_gateway.door import Limits
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.plans import validation
from graftwork_gateway.pools import check_models
from graftwork_gateway.quotas import check_rows
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems

router = api_router("jobs")

Rows = Annotated[int, Query(ge=1, le=20, description="rows to make")]


@router.post("/jobs:validate", summary="Check a job", responses=problems(400, 413, 415))
async def validate_job(spec: JobSpec, door: Ports, limits: Limits) -> ValidationView:
    """All checks of a submission, and an estimate of calls, tokens and cost. Nothing is spent or kept."""
    check_rows(limits, spec.count)
    pools = await check_models(spec, door.plane, door.settings)
    return validation(spec, pools)


@router.post("/jobs:preview", summary="Preview a job", responses=problems(400, 403, 413, 415, 504))
async def preview_job(
    spec: JobSpec, door: Ports, tenant: Tenant, *, limits: Limits, request: Request, rows: Rows = 10
) -> PreviewView:
    """A few rows of the first workflow, while you wait. It costs what they cost; nothing is kept."""
    return await previews.preview(door, tenant, spec, rows, limits=limits, receive=request.receive)
