"""Previews: a few rows of the first workflow, for a client that waits, and nothing kept."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from starlette.types import Receive

from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ReviewSpec
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import DependencyDown
from graftwork.kit.ledger import Transaction
from graftwork_gateway.deletion import EndPreview
from graftwork_gateway.deletion import give_up_preview
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import NODES
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import NodeRow
from graftwork_gateway.door import Door
from graftwork_gateway.errors import PreviewTimedOut
from graftwork_gateway.leaving import while_there
from graftwork_gateway.pools import check_models
from graftwork_gateway.quotas import check_open_jobs
from graftwork_gateway.quotas import look_for_room
from graftwork_gateway.submission import job_row
from graftwork_gateway.submission import unless_refused
from graftwork_gateway.submission import write_job

_AFTERWARDS_SECONDS = 60.0  # when the task looks for a preview whose gateway died


def small(spec: JobSpec, rows: int) -> JobSpec:
    """The job as far as its preview goes: ``rows`` samples of the first workflow, and nobody is asked."""
    search = spec.search.model_copy(update={"evaluation_samples": rows, "iterations": 0})
    return spec.model_copy(update={"search": search, "count": min(spec.count, rows), "review": ReviewSpec()})


async def preview(
    door: Door, tenant: str, spec: JobSpec, rows: int, *, limits: TenantLimits, receive: Receive
) -> PreviewView:
    """Run the preview while its client waits, and delete it in any case.

    Raises ``JobInvalid``, ``TooManyOpenJobs``, ``PreviewTimedOut``, ``ClientDisconnect``, and ``RetryableError``
    while pools do not answer or this process ends.
    """
    await look_for_room(door.ledger.read, tenant, limits)
    await check_models(spec, door.plane, door.settings)
    row = await job_row(door, None, small(spec, rows), preview_for=tenant)
    async with unless_refused(door, row):
        await door.ledger.transaction(lambda tx: _open(tx, row, limits, door.settings.preview_seconds))
    try:
        async with asyncio.timeout(door.settings.preview_seconds):
            return await while_there(receive, _made(door, row.id))
    except TimeoutError as error:
        seconds = door.settings.preview_seconds
        raise PreviewTimedOut(f"no rows within {seconds:g} s: ask for fewer, or submit the job") from error
    finally:
        await door.ledger.transaction(lambda tx: give_up_preview(tx, row.id))


async def _open(tx: Transaction, row: JobRow, limits: TenantLimits, wait_seconds: float) -> None:
    tenant = str(row.preview_for)
    await check_open_jobs(tx, tenant, limits)
    await write_job(tx, row)
    tx.emit(JobSubmitted(job_id=row.id, tenant=tenant, spec=row.spec, submitted_at=row.created_at, preview=True))
    later = tx.now + timedelta(seconds=wait_seconds + _AFTERWARDS_SECONDS)
    tx.enqueue(EndPreview(job_id=row.id, request_id=row.id), not_before=later)


async def _made(door: Door, job_id: str) -> PreviewView:
    return await _shown(door, await _ended(door, job_id))


async def _ended(door: Door, job_id: str) -> JobRow:
    """The preview, once it has ended and all of its events are here. Raises ``DependencyDown``."""
    with door.watchers.watching(job_id) as bell:
        while True:
            row = JobRow.of(await door.ledger.read.find_one(JOBS, {"_id": job_id}) or {})
            if row.all_told and row.events >= row.version:
                return row
            if door.watchers.closed:
                raise DependencyDown("this gateway is about to end: ask again", retry_after_seconds=1.0)
            await bell.wait(door.settings.keep_alive_seconds)


async def _shown(door: Door, row: JobRow) -> PreviewView:
    nodes = [NodeRow.of(one) for one in await door.ledger.read.find(NODES, {"job_id": row.id, "round": 0})]
    root = nodes[0].node if nodes else None
    samples = await _samples(door.blobs, root)
    workflow = None if root is None or root.workflow is None else await door.blobs.get_model(root.workflow, Workflow)
    good = any(sample.ok for sample in samples)
    return PreviewView(
        workflow=workflow,
        samples=samples,
        spent=row.snapshot.spent if row.snapshot else SpendReport(),
        problem=None if good else problem_of(row, root, samples),
    )


async def _samples(blobs: Blobs, root: NodeSnapshot | None) -> tuple[SampleRow, ...]:
    return () if root is None or root.samples is None else tuple(await blobs.read_models(root.samples, SampleRow))


def problem_of(row: JobRow, root: NodeSnapshot | None, samples: Sequence[SampleRow]) -> str:
    """Why there is no good sample, from what is nearest to it."""
    failures = (": ".join(filter(None, [one.reason, one.detail])) for one in samples)
    told = [*failures, root and root.error, row.snapshot and row.snapshot.reason]
    return next((reason for reason in told if reason), "no sample was made")
