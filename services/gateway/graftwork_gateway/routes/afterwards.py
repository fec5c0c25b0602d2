"""What can be done with jobs that have ended: more rows, another try, deletion."""

from fastapi import status

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest_plans import ExtensionRequest
from graftwork.kit.ledger import Transaction
from graftwork_gateway import continuations
from graftwork_gateway import deletion
from graftwork_gateway.door import Limits
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.idempotency import IdempotencyKey
from graftwork_gateway.routes.jobs import JobId
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import problems

router = api_router("jobs")


@router.post(
    "/jobs/{job_id}/extend",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Ask for more rows",
    responses=problems(400, 403, 404, 409, 410, 413, 415),
)
async def extend_job(
    job_id: JobId, wanted: ExtensionRequest, door: Ports, tenant: Tenant, *, limits: Limits, key: IdempotencyKey
) -> JobView:
    """More accepted rows from the winner of an ended job, without a new search; a new dataset has them all.

    They are paid from what is left of the job's budget.
    """

    async def extend(tx: Transaction, spec: JobSpec) -> JobView:
        return await continuations.extend(tx, tenant, job_id, wanted.rows, limits=limits, spec=spec)

    return await continuations.with_spec(door, tenant, job_id, key.once(wanted, JobView), extend)


@router.post(
    "/jobs/{job_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Try a job again",
    responses=problems(403, 404, 409, 410),
)
async def retry_job(job_id: JobId, door: Ports, tenant: Tenant, *, limits: Limits, key: IdempotencyKey) -> JobView:
    """Go on with a job that failed or was cancelled, from where it stopped and with what is left of its budget."""

    async def retry(tx: Transaction, spec: JobSpec) -> JobView:
        return await continuations.retry(tx, tenant, job_id, limits=limits, spec=spec)

    return await continuations.with_spec(door, tenant, job_id, key.once(None, JobView), retry)


@router.delete(
    "/jobs/{job_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a job",
    responses=problems(404, 409),
)
async def delete_job(job_id: JobId, door: Ports, tenant: Tenant) -> None:
    """Delete an ended job with its datasets and everything that was made for it. There is no way back."""
    await door.ledger.transaction(lambda tx: deletion.delete_job(tx, tenant, job_id))
