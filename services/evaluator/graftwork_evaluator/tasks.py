"""Work done, under a lease. May run twice; each model call is paid for once (journal)."""

from collections.abc import Sequence

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.errors import InvalidAnswer
from graftwork.models.context import ModelTaskContext
from graftwork.models.plane import EmbedRequest
from graftwork.models.roles import RoleCall
from graftwork_evaluator import presentation
from graftwork_evaluator import roles
from graftwork_evaluator import scoring
from graftwork_evaluator.answers import ProposedMetrics
from graftwork_evaluator.answers import SampleJudgement
from graftwork_evaluator.errors import NothingToJudge
from graftwork_evaluator.handlers import router
from graftwork_evaluator.overlap import Choice
from graftwork_evaluator.overlap import Vector
from graftwork_evaluator.overlap import embedded
from graftwork_evaluator.overlap import lexical
from graftwork_evaluator.overlap import most_agreed
from graftwork_evaluator.payloads import ProposeMetrics
from graftwork_evaluator.payloads import ScoreSamples
from graftwork_evaluator.presentation import ShownSample

__all__ = ["propose_metrics", "router", "score_samples"]


@router.task(ProposeMetrics)
async def propose_metrics(task: ProposeMetrics, ctx: ModelTaskContext) -> None:
    """Regenerate the metrics: several candidate sets, of which the one the others agree with most is kept.

    One valid set suffices. Raises ``InvalidAnswer`` when there is none, ``NothingToJudge`` without a sample.
    """
    spec = await ctx.job_spec(task.spec)
    rows = [row for row in await ctx.blobs.read_models(task.samples, SampleRow) if row.ok]
    if not rows:
        raise NothingToJudge("metrics are made from samples, and no candidate became one")
    candidates = await _candidates(ctx, spec, presentation.batch(rows, spec))
    choice, measure = await _agreement(ctx, spec, candidates)
    chosen = candidates[choice.chosen]
    ref = await ctx.blobs.put_json(chosen, f"{task.job_id}/metrics")
    async with ctx.commit() as tx:
        tx.emit(
            MetricsRegenerated(
                job_id=task.job_id,
                evaluation_id=task.evaluation_id,
                node_id=task.node_id,
                metrics=ref,
                names=tuple(metric.name for metric in chosen.metrics),
                overlaps=choice.overlaps,
                chosen=choice.chosen,
                measure=measure,
            )
        )
        tx.enqueue(ScoreSamples.of(task, metrics=ref))


@router.task(ScoreSamples)
async def score_samples(task: ScoreSamples, ctx: ModelTaskContext) -> None:
    """Score every good sample on every metric, one call a sample; a failed candidate counts the minimum.

    Raises ``TooFewScored`` when more than half of the good samples get no valid answer.
    """
    spec = await ctx.job_spec(task.spec)
    rows = await ctx.blobs.read_models(task.samples, SampleRow)
    metrics = (await ctx.blobs.get_model(task.metrics, MetricSet)).metrics
    call = roles.score_sample(metrics)
    judged = await ctx.gather(_judged(ctx, call, spec, row, metrics) for row in rows if row.ok)
    matrix = scoring.matrix(rows, dict(judged), metrics)
    score = scoring.mean_score(matrix)
    ref = await ctx.blobs.put_rows(matrix, f"{task.job_id}/scores")
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
                used=ctx.used,
                used_by_task=ctx.used_by_task,
            )
        )


async def _candidates(ctx: ModelTaskContext, spec: JobSpec, samples: Sequence[ShownSample]) -> list[MetricSet]:
    fewest, most = spec.search.metrics_per_set
    call = roles.propose_metrics(fewest, most)
    variables = {
        "samples": samples,
        "output_schema": presentation.schema_text(spec),
        "fewest": fewest,
        "most": most,
    }
    answers = await ctx.gather(
        _candidate(ctx, call, spec, index, variables) for index in range(spec.search.metric_candidates)
    )
    valid = [answer.to_set() for answer in answers if isinstance(answer, ProposedMetrics)]
    if not valid:
        raise next(answer for answer in answers if isinstance(answer, InvalidAnswer))
    return valid


async def _candidate(
    ctx: ModelTaskContext,
    call: RoleCall[ProposedMetrics],
    spec: JobSpec,
    index: int,
    variables: dict[str, object],
) -> ProposedMetrics | InvalidAnswer:
    try:
        return await ctx.ask(call, spec, step=str(index), **variables)
    except InvalidAnswer as error:
        ctx.log.warning("metrics.candidate_lost", candidate=index, error=str(error))
        return error


async def _agreement(ctx: ModelTaskContext, spec: JobSpec, candidates: Sequence[MetricSet]) -> tuple[Choice, str]:
    """Choice among the candidates, and the measure it rests on."""
    texts = [f"{metric.name}: {metric.definition}" for one in candidates for metric in one.metrics]
    vectors, measure = await _vectors(ctx, spec, texts)
    remaining = iter(vectors)
    return most_agreed([[next(remaining) for _ in one.metrics] for one in candidates]), measure


async def _vectors(ctx: ModelTaskContext, spec: JobSpec, texts: Sequence[str]) -> tuple[list[Vector], str]:
    embedder = spec.models.embedder
    if embedder is None:
        return lexical(texts), "lexical"
    compact = spec.models.profile is Profile.COMPACT
    wrapped = [presentation.one_word_question(text) if compact else text for text in texts]
    answer = await ctx.embed(
        EmbedRequest(pool=embedder.pool, model=embedder.model, texts=tuple(wrapped)), step="overlap"
    )
    return embedded(answer.vectors, centred=compact), f"embedding:{answer.model}"


async def _judged(
    ctx: ModelTaskContext,
    call: RoleCall[SampleJudgement],
    spec: JobSpec,
    row: SampleRow,
    metrics: Sequence[Metric],
) -> tuple[str, scoring.Judgements | None]:
    sample = presentation.one_sample(row, spec)
    try:
        answer = await ctx.ask(call, spec, step=str(row.seed_index), metrics=metrics, sample=sample)
    except InvalidAnswer as error:
        ctx.log.warning("sample.unscored", sample_id=row.sample_id, error=str(error))
        return row.sample_id, None
    return row.sample_id, answer.by_metric(metrics)
