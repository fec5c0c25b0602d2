"""Where the metrics of an evaluation come from: the Evaluator LLM's candidates, or the user's own set."""

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import MetricsMode
from graftwork.contracts.jobs import Profile
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.errors import InvalidAnswer
from graftwork.models.context import ModelTaskContext
from graftwork.models.plane import EmbedRequest
from graftwork.models.roles import RoleCall
from graftwork_evaluator import presentation
from graftwork_evaluator import roles
from graftwork_evaluator.answers import ProposedMetrics
from graftwork_evaluator.copies import without_quotations
from graftwork_evaluator.errors import NothingToJudge
from graftwork_evaluator.honesty import honest_rows
from graftwork_evaluator.overlap import Choice
from graftwork_evaluator.overlap import Vector
from graftwork_evaluator.overlap import embedded
from graftwork_evaluator.overlap import lexical
from graftwork_evaluator.overlap import most_agreed

OWN = "own"
ALONE = "alone"
_ONLY_ONE = Choice(chosen=0, overlaps=(0.0,))


@dataclass(frozen=True)
class Proposal:
    """Candidate sets, which of them is taken, and by which measure."""

    sets: tuple[MetricSet, ...]
    choice: Choice
    measure: str


async def proposal(ctx: ModelTaskContext, spec: JobSpec, rows: Sequence[SampleRow]) -> Proposal:
    """The user's own set where it is the job's fixed one; else as many candidate sets as the job wants.

    Raises ``InvalidAnswer`` when no candidate is valid, ``NothingToJudge`` when there is no sample to make
    metrics from.
    """
    own = spec.search.own_metrics
    if own and spec.search.metrics is MetricsMode.FIXED:
        return Proposal((MetricSet(metrics=own),), _ONLY_ONE, OWN)
    good = [row for row in rows if row.ok]
    if not good:
        raise NothingToJudge("metrics are made from samples, and no candidate became one")
    looked_at = await asyncio.to_thread(honest_rows, good, own, spec)  # leases are renewed meanwhile
    honest = [row for row in looked_at if row.ok]
    sets = await _candidates(ctx, spec, honest or good)
    choice, measure = await _agreement(ctx, spec, sets)
    return Proposal(tuple(without_quotations(one, good) for one in sets), choice, measure)


async def _candidates(ctx: ModelTaskContext, spec: JobSpec, rows: Sequence[SampleRow]) -> list[MetricSet]:
    fewest, most = spec.search.metrics_per_set
    call = roles.propose_metrics(fewest, most)
    variables = {
        "samples": presentation.batch(rows, spec),
        "output_schema": presentation.schema_text(spec),
        "fewest": fewest,
        "most": most,
    }
    answers = await ctx.gather(
        _candidate(ctx, call, spec, index, variables) for index in range(spec.search.candidate_sets)
    )
    valid = [answer.to_set() for answer in answers if isinstance(answer, ProposedMetrics)]
    if not valid:
        raise next(answer for answer in answers if isinstance(answer, InvalidAnswer))
    return valid


async def _candidate(
    ctx: ModelTaskContext, call: RoleCall[ProposedMetrics], spec: JobSpec, index: int, variables: Mapping[str, object]
) -> ProposedMetrics | InvalidAnswer:
    try:
        return await ctx.ask(call, spec, step=str(index), **variables)
    except InvalidAnswer as error:
        ctx.log.warning("metrics.candidate_lost", candidate=index, error=str(error))
        return error


async def _agreement(ctx: ModelTaskContext, spec: JobSpec, sets: Sequence[MetricSet]) -> tuple[Choice, str]:
    """Choice among the sets, and the measure it rests on."""
    if len(sets) == 1:
        return _ONLY_ONE, ALONE
    texts = [f"{metric.name}: {metric.definition}" for one in sets for metric in one.metrics]
    vectors, measure = await _vectors(ctx, spec, texts)
    remaining = iter(vectors)
    return most_agreed([[next(remaining) for _ in one.metrics] for one in sets]), measure


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
