"""Work done, under a lease. May run twice; the ledger takes one result."""

import asyncio
from collections.abc import Iterable
from collections.abc import Sequence
from functools import reduce
from operator import add

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.job_life import ForgetJob
from graftwork.kit.job_life import forget_job
from graftwork.kit.service import UNLIMITED
from graftwork_curator import metrics
from graftwork_curator.acceptance import Acceptance
from graftwork_curator.acceptance import Outcome
from graftwork_curator.acceptance import Tally
from graftwork_curator.acceptance import Verdict
from graftwork_curator.context import CuratorContext
from graftwork_curator.counts import reconciled
from graftwork_curator.dedup import fingerprint
from graftwork_curator.errors import NothingToPublish
from graftwork_curator.errors import RoundConflict
from graftwork_curator.handlers import router
from graftwork_curator.indexes import Index
from graftwork_curator.payloads import AcceptSamples
from graftwork_curator.payloads import PublishDataset
from graftwork_curator.publication import Publication
from graftwork_curator.publication import dataset_id_of
from graftwork_curator.publishing import Publisher
from graftwork_curator.records import RecordCheck
from graftwork_curator.rows import candidates
from graftwork_curator.store import DATASETS
from graftwork_curator.store import ROUNDS
from graftwork_curator.store import Round
from graftwork_curator.store import locations_of
from graftwork_curator.store import record_dataset
from graftwork_curator.store import record_round
from graftwork_curator.store import rounds_of
from graftwork_curator.verdicts import VerdictWriter

__all__ = ["accept_samples", "delete_job", "publish_dataset", "router"]


@router.task(AcceptSamples)
async def accept_samples(task: AcceptSamples, ctx: CuratorContext) -> None:
    """Judge a production round and tell search what is still missing.

    Candidates are judged once: whoever asks for them again is answered from the ledger. Raises
    ``UnusableSchema``, and ``RoundConflict`` when another round of the job was committed meanwhile.
    """
    rounds = await rounds_of(ctx.read, task.job_id)
    answered = next((past for past in rounds if past.candidates_sha256 == task.candidates_sha256), None)
    if answered is not None:
        async with ctx.commit() as tx:
            tx.emit(_answer(task, answered, rounds))
        return
    spec = await ctx.blobs.get_model(task.spec, JobSpec)
    index = await _index(task, ctx, spec, rounds)
    needed = task.needed_beside(_accepted_in(rounds))
    judged = await _judged(task, ctx, spec, index, needed)
    async with ctx.commit() as tx:
        record_round(tx, judged)
        tx.emit(_answer(task, judged, rounds))
    _count(judged.tally)
    index.rounds += 1
    ctx.indexes.keep(task.job_id, index)


@router.task(PublishDataset)
async def publish_dataset(task: PublishDataset, ctx: CuratorContext) -> None:
    """Write the dataset's files and tell that it can be read. The same request gives the same files.

    Raises ``NothingToPublish`` when no row was accepted.
    """
    rounds = await rounds_of(ctx.read, task.job_id)
    judged = reduce(add, (past.tally for past in rounds), Tally())
    if not judged.accepted:
        raise NothingToPublish(f"none of {judged.attempted} candidates was accepted")
    publication = await _publication(task, ctx, judged)
    publisher = Publisher(ctx.blobs, ctx.settings, publication)
    summary = await publisher.publish(rounds, published_at=ctx.clock.now())
    async with ctx.commit() as tx:
        record_dataset(tx, summary)
        tx.emit(
            DatasetPublished(
                job_id=task.job_id,
                request_id=task.request_id,
                used=ctx.used,
                used_by_task=ctx.used_by_task,
                dataset=summary,
            )
        )


@router.task(ForgetJob, max_attempts=UNLIMITED)
async def delete_job(task: ForgetJob, ctx: CuratorContext) -> None:
    """Delete the files of the job's datasets, then all that the ledger holds of it.

    The gateway deletes the datasets that it knows; one whose announcement came too late for search is known here alone.
    """
    for location in await locations_of(ctx.read, task.job_id):
        await ctx.blobs.delete_under(location)
    await forget_job(task, ctx, collections=(ROUNDS, DATASETS))


def _answer(task: AcceptSamples, judged: Round, rounds: Sequence[Round]) -> SamplesAccepted:
    accepted = judged.tally.accepted
    total = accepted + _accepted_in(past for past in rounds if past.sequence < judged.sequence)
    return SamplesAccepted(
        job_id=task.job_id,
        request_id=task.request_id,
        round=task.round,
        accepted=accepted,
        rejected=judged.tally.rejected,
        failed=judged.tally.failed,
        surplus=judged.tally.surplus,
        total_accepted=total,
        short=task.short_of(total, accepted=accepted),
    )


def _count(tally: Tally) -> None:
    metrics.SAMPLES_ACCEPTED.inc(tally.accepted)
    for reason, number in tally.rejected.items():
        metrics.SAMPLES_DISCARDED.labels(Outcome.REJECTED, reason).inc(number)
    metrics.SAMPLES_DISCARDED.labels(Outcome.FAILED, "").inc(sum(tally.failed.values()))
    metrics.SAMPLES_DISCARDED.labels(Outcome.SURPLUS, "").inc(tally.surplus)


def _accepted_in(rounds: Iterable[Round]) -> int:
    return sum(past.tally.accepted for past in rounds)


async def _index(task: AcceptSamples, ctx: CuratorContext, spec: JobSpec, rounds: Sequence[Round]) -> Index:
    """The job's duplicate index, caught up with what was accepted elsewhere."""
    index = ctx.indexes.take(task.job_id, spec.output.near_duplicate_similarity)
    if index.rounds > len(rounds):
        raise RoundConflict(f"another round of {task.job_id} was committed while this one began")
    for past in rounds[index.rounds :]:
        for ref in past.accepted:
            await asyncio.to_thread(_remember, index, await ctx.blobs.read_models(ref, SampleRow))
        index.rounds += 1
    return index


def _remember(index: Index, rows: Sequence[SampleRow]) -> None:
    for row in rows:
        index.seen.remember(row.sample_id, fingerprint(row.output or {}))


async def _judged(task: AcceptSamples, ctx: CuratorContext, spec: JobSpec, index: Index, needed: int) -> Round:
    acceptance = Acceptance(RecordCheck(spec.output), index.seen, needed=needed)
    writer = VerdictWriter(ctx.blobs, task.job_id, ctx.settings.rows_per_blob)
    for ref in task.samples:
        await writer.write(await asyncio.to_thread(_verdicts, acceptance, ref, await ctx.blobs.get_bytes(ref)))
    accepted, discarded = await writer.finish()
    return Round(
        job_id=task.job_id,
        sequence=index.rounds,
        request_id=task.request_id,
        candidates_sha256=task.candidates_sha256,
        tally=writer.tally,
        accepted=accepted,
        discarded=discarded,
    )


def _verdicts(acceptance: Acceptance, ref: BlobRef, data: bytes) -> list[Verdict]:
    return [acceptance.judge(row) for row in candidates(data, ref.key)]


async def _publication(task: PublishDataset, ctx: CuratorContext, judged: Tally) -> Publication:
    counts = reconciled(task.counts, judged)
    # A job that was extended wants more rows by now than it was submitted for.
    spec = (await ctx.blobs.get_model(task.spec, JobSpec)).model_copy(update={"count": counts.wanted})
    workflow, space = task.lineage.workflow, task.space
    return Publication(
        dataset_id=dataset_id_of(spec, task.request_id),
        job_id=task.job_id,
        spec=spec,
        spec_ref=task.spec,
        counts=counts,
        complete=task.complete and counts.accepted >= counts.wanted,
        lineage=task.lineage,
        spent=task.spent,
        workflow=None if workflow is None else await ctx.blobs.get_model(workflow, Workflow),
        space=None if space is None else await ctx.blobs.get_model(space, SeedSpace),
    )
