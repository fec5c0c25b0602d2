"""Asks the Evaluator LLM for scores: of samples, and of a metric's own exemplars."""

from collections.abc import Sequence

from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.kit.errors import InvalidAnswer
from graftwork.models.context import ModelTaskContext
from graftwork_evaluator import presentation
from graftwork_evaluator import roles
from graftwork_evaluator import scoring
from graftwork_evaluator.calibration import Marks
from graftwork_evaluator.presentation import ShownSample


async def matrix_of(
    ctx: ModelTaskContext, spec: JobSpec, rows: Sequence[SampleRow], metrics: Sequence[Metric], *, step: str = ""
) -> list[SampleScores]:
    """Score every good sample on every metric, one call a sample; a failed candidate counts the minimum.

    ``step`` keeps apart the calls of several metric sets. Raises ``TooFewScored`` when more than half of
    the good samples get no valid answer.
    """

    async def judged(row: SampleRow) -> tuple[str, scoring.Judgements | None]:
        name = derived_id(step, row.seed_index) if step else str(row.seed_index)
        return row.sample_id, await _judgements(ctx, spec, presentation.one_sample(row, spec), metrics, step=name)

    found = await ctx.gather(judged(row) for row in rows if row.ok)
    return scoring.matrix(rows, dict(found), metrics)


async def marks_of(ctx: ModelTaskContext, spec: JobSpec, metrics: Sequence[Metric]) -> dict[str, Marks]:
    """Metric name -> how its exemplars score by it, one call each. The judge is not told which is which."""

    async def mark(place: int, metric: Metric, exemplar: str, side: str) -> int | None:
        if not exemplar.strip():
            return None
        shown = presentation.one_passage(exemplar, spec)
        found = await _judgements(ctx, spec, shown, [_bare(metric)], step=derived_id(side, place))
        return None if found is None else found[metric.name].score

    async def marks(place: int, metric: Metric) -> Marks:
        positive, negative = await ctx.gather(
            [
                mark(place, metric, metric.positive_exemplar, "positive"),
                mark(place, metric, metric.negative_exemplar, "negative"),
            ]
        )
        return Marks(positive, negative)

    found = await ctx.gather(marks(place, metric) for place, metric in enumerate(metrics))
    return {metric.name: one for metric, one in zip(metrics, found, strict=True)}


async def _judgements(
    ctx: ModelTaskContext, spec: JobSpec, sample: ShownSample, metrics: Sequence[Metric], *, step: str
) -> scoring.Judgements | None:
    """Judgements by metric, or None when no valid answer came."""
    try:
        answer = await ctx.ask(roles.score_sample(metrics), spec, step=step, metrics=metrics, sample=sample)
    except InvalidAnswer as error:
        ctx.log.warning("sample.unscored", step=step, error=str(error))
        return None
    return answer.by_metric(metrics)


def _bare(metric: Metric) -> Metric:
    return metric.model_copy(update={"positive_exemplar": "", "negative_exemplar": ""})
