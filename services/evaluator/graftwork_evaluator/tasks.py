"""Work done, under a lease. May run twice; each model call is paid for once (journal)."""

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.errors import PermanentError
from graftwork.models.context import ModelTaskContext
from graftwork_evaluator import judging
from graftwork_evaluator import scoring
from graftwork_evaluator.calibration import calibrated
from graftwork_evaluator.handlers import router
from graftwork_evaluator.honesty import honest_rows
from graftwork_evaluator.honesty import refusals
from graftwork_evaluator.payloads import CalibrateMetrics
from graftwork_evaluator.payloads import ProposeMetrics
from graftwork_evaluator.payloads import ScoreSamples
from graftwork_evaluator.proposing import proposal

__all__ = ["calibrate_metrics", "propose_metrics", "router", "score_samples"]


@router.task(ProposeMetrics)
async def propose_metrics(task: ProposeMetrics, ctx: ModelTaskContext) -> None:
    """Regenerate the metrics: several candidate sets, of which the one the others agree with most is kept.

    One valid set suffices. Raises ``InvalidAnswer`` when there is none, ``NothingToJudge`` without a sample.
    """
    spec = await ctx.job_spec(task.spec)
    made = await proposal(ctx, spec, await ctx.blobs.read_models(task.samples, SampleRow))
    refs = [await ctx.blobs.put_json(one, _metrics_of(task)) for one in made.sets]
    chosen, overlaps = made.choice.chosen, made.choice.overlaps
    following = CalibrateMetrics.of(task, candidates=refs, overlaps=overlaps, chosen=chosen, measure=made.measure)
    async with ctx.commit() as tx:
        if spec.search.calibrate_metrics:
            tx.enqueue(following)
        else:
            tx.emit(_regenerated(following, refs[chosen], made.sets[chosen].metrics))
            tx.enqueue(ScoreSamples.of(task, metrics=refs[chosen]))


@router.task(CalibrateMetrics)
async def calibrate_metrics(task: CalibrateMetrics, ctx: ModelTaskContext) -> None:
    """Keep of the chosen metrics those that score their own exemplars as meant, two calls a metric."""
    spec = await ctx.job_spec(task.spec)
    chosen = await ctx.blobs.get_model(task.candidates[task.chosen], MetricSet)
    found = calibrated(chosen.metrics, await judging.marks_of(ctx, spec, chosen.metrics))
    ref = await ctx.blobs.put_json(MetricSet(metrics=found.kept), _metrics_of(task))
    async with ctx.commit() as tx:
        tx.emit(_regenerated(task, ref, found.kept, found.dropped))
        tx.enqueue(ScoreSamples.of(task, metrics=ref))


@router.task(ScoreSamples)
async def score_samples(task: ScoreSamples, ctx: ModelTaskContext) -> None:
    """Score the samples by the metrics, then, in calls of their own, by the anchor's.

    Raises ``TooFewScored`` when more than half of the good samples get no valid answer.
    """
    spec = await ctx.job_spec(task.spec)
    metrics = await _metrics(ctx, task.metrics)
    anchor = await _metrics(ctx, task.anchor)
    known = [*metrics, *anchor, *spec.search.own_metrics]
    made = await ctx.blobs.read_models(task.samples, SampleRow)
    rows = await asyncio.to_thread(honest_rows, made, known, spec)  # leases are renewed meanwhile
    matrix = await judging.matrix_of(ctx, spec, rows, metrics)
    score = scoring.mean_score(matrix)
    ref = await ctx.blobs.put_rows(matrix, f"{task.job_id}/scores")
    by_anchor = _Anchored(score, ref) if task.anchor == task.metrics else await _anchored(task, ctx, spec, rows, anchor)
    async with ctx.commit() as tx:
        tx.emit(
            ScoresReady(
                job_id=task.job_id,
                request_id=task.request_id,
                evaluation_id=task.evaluation_id,
                node_id=task.node_id,
                component=ScoreComponent.SAMPLE,
                score=score,
                matrix=ref,
                metrics=task.metrics,
                suggestions=scoring.suggestions(matrix),
                by_sample=scoring.sample_means(matrix),
                anchor_score=by_anchor.score,
                anchor_matrix=by_anchor.matrix,
                refused=refusals(made, rows),
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )


@dataclass(frozen=True)
class _Anchored:
    score: float | None = None
    matrix: BlobRef | None = None


async def _anchored(
    task: ScoreSamples, ctx: ModelTaskContext, spec: JobSpec, rows: Sequence[SampleRow], anchor: Sequence[Metric]
) -> _Anchored:
    """Score by the anchor, for the log only: where that cannot be done, the evaluation stands without it."""
    if not anchor:
        return _Anchored()
    try:
        matrix = await judging.matrix_of(ctx, spec, rows, anchor, step="anchor")
        score = scoring.mean_score(matrix)
    except PermanentError as error:
        ctx.log.warning("anchor.unscored", code=error.code, error=str(error))
        return _Anchored()
    return _Anchored(score, await ctx.blobs.put_rows(matrix, f"{task.job_id}/scores"))


async def _metrics(ctx: ModelTaskContext, ref: BlobRef | None) -> tuple[Metric, ...]:
    return () if ref is None else (await ctx.blobs.get_model(ref, MetricSet)).metrics


def _metrics_of(task: ProposeMetrics | CalibrateMetrics) -> str:
    return f"{task.job_id}/metrics"


def _regenerated(
    task: CalibrateMetrics, ref: BlobRef, metrics: Sequence[Metric], dropped: Mapping[str, str] | None = None
) -> MetricsRegenerated:
    return MetricsRegenerated(
        job_id=task.job_id,
        evaluation_id=task.evaluation_id,
        node_id=task.node_id,
        metrics=ref,
        names=tuple(metric.name for metric in metrics),
        overlaps=task.overlaps,
        chosen=task.chosen,
        measure=task.measure,
        candidates=task.candidates,
        dropped=dropped or {},
    )
