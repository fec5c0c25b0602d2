"""Retention: ended jobs are deleted once they are older than their tenant keeps them."""

from datetime import timedelta
from functools import partial
from typing import ClassVar

from pymongo.errors import PyMongoError

from graftwork.contracts.ids import derived_id
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import get_logger
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork_gateway.deletion import delete_job
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import TENANTS
from graftwork_gateway.errors import JobRunning
from graftwork_gateway.errors import NotFound
from graftwork_gateway.quotas import limits_of

log = get_logger(__name__)
_NOBODYS = "retention"


class SweepRetention(TaskPayload):
    """Look for jobs that are too old; one such task a period, over all replicas."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False


async def schedule(ledger: Ledger, every_seconds: float) -> None:
    """Enqueue the sweep of each period, until cancelled."""
    while True:
        period = int(ledger.clock.now().timestamp() // every_seconds)
        task = SweepRetention(job_id=_NOBODYS, request_id=derived_id(_NOBODYS, period))
        try:
            await ledger.transaction(partial(_enqueue, task))
        except PyMongoError as error:
            log.warning("ledger.unreachable", error=str(error))
        await ledger.clock.sleep(every_seconds)


async def _enqueue(task: SweepRetention, tx: Transaction) -> None:
    tx.enqueue(task)


async def sweep(_task: SweepRetention, _ctx: TaskContext, *, ledger: Ledger, defaults: TenantLimits) -> None:
    """Delete what is too old, each job in a transaction of its own."""
    for tenant in await ledger.read.find(TENANTS, {}, projection={"_id": 1}):
        limits = await limits_of(ledger.read, tenant["_id"], defaults)
        if limits.retention_days is not None:
            await _sweep_tenant(ledger, tenant["_id"], limits.retention_days)


async def _sweep_tenant(ledger: Ledger, tenant: str, days: float) -> None:
    oldest = ledger.clock.now() - timedelta(days=days)
    for row in await ledger.read.find(JOBS, {"tenant": tenant, "ended_at": {"$lt": oldest}}, projection={"_id": 1}):
        try:
            await ledger.transaction(partial(delete_job, tenant=tenant, job_id=row["_id"]))
        except (NotFound, JobRunning) as error:
            log.info("retention.passed_over", job_id=row["_id"], error=str(error))  # its client was faster
        else:
            log.info("job.expired", job_id=row["_id"], tenant=tenant)
