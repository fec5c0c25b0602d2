"""What a job would use: calls by role call, tokens by assumption, money by the pools' prices. Pure."""

import ast
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from graftwork.contracts.ids import canonical_json
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import MetricsMode
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.jobs import RewardKind
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.rest_plans import Estimate
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.usage import SpendPurpose
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork_gateway import assumptions as assumed

Pools = Mapping[str, PoolDescription]
_MILLION = 1_000_000


@dataclass(frozen=True)
class Line:
    """``calls`` of one kind; tokens are of each."""

    role: str
    purpose: SpendPurpose
    calls: int
    prompt_tokens: int
    answer_tokens: int


def estimate(spec: JobSpec, pools: Pools) -> Estimate:
    """What the job is expected to use, and the most that its budget lets it use. ``pools``: those it names."""
    lines = [(line, _priced(spec, pools, line)) for line in expected_lines(spec) if line.calls]
    parts = [part for _, part in lines]
    return Estimate(
        expected=total(parts),
        at_most=at_most(spec, pools),
        by_purpose=_grouped(lines, lambda line: line.purpose.value),
        by_role=_grouped(lines, lambda line: line.role),
        assumptions=assumed.readable(human=spec.review.mode is ReviewMode.HUMAN),
    )


def total(parts: Iterable[Estimated]) -> Estimated:
    """Sum; its cost is unknown where that of a part is."""
    every = list(parts)
    costs = [part.cost_usd for part in every]
    return Estimated(
        calls=sum(part.calls for part in every),
        tokens=sum(part.tokens for part in every),
        cost_usd=None if None in costs else math.fsum(cost for cost in costs if cost is not None),
    )


def candidates(spec: JobSpec) -> int:
    """Production candidates that are expected to be needed."""
    return min(spec.candidate_budget, math.ceil(spec.count / assumed.ACCEPTED_SHARE))


def calls_per_record(initial: InitialWorkflow) -> int:
    """Model calls for one record: of a starter as it is, of own code as it is written, of others as assumed."""
    if initial.starter is not None:
        return assumed.CALLS_OF_STARTERS[initial.starter]
    if initial.code is None:
        return assumed.CALLS_PER_RECORD
    try:
        nodes = list(ast.walk(ast.parse(initial.code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return assumed.CALLS_PER_RECORD
    return max(1, sum(isinstance(node, ast.Attribute) and node.attr in {"llm", "llm_json"} for node in nodes))


def expected_lines(spec: JobSpec) -> Iterator[Line]:
    """Every kind of call that the job makes."""
    sizes = _Sizes(spec)
    yield from _writing(spec, sizes)
    yield from _sampling(spec)
    if spec.search.reward is not RewardKind.WORKFLOW:
        yield from _measuring(spec, sizes)
    if spec.search.reward is not RewardKind.SAMPLE:
        judge = "optimizer" if spec.models.judge is None else "judge"
        nodes = spec.search.iterations + 1
        yield sizes.line(judge, SpendPurpose.SCORING, nodes, "judge_workflow", shows=assumed.WORKFLOW_TOKENS)


class _Sizes:
    """Tokens of this job's role calls."""

    def __init__(self, spec: JobSpec) -> None:
        compact = spec.models.profile is Profile.COMPACT
        schema = len(canonical_json(dict(spec.output.json_schema)))
        self._table = assumed.COMPACT if compact else assumed.STANDARD
        self._task = (len(spec.task) + schema) // assumed.CHARS_PER_TOKEN
        self.metrics = assumed.COMPACT_METRICS if compact else math.ceil(sum(spec.search.metrics_per_set) / 2)
        self.metric = assumed.COMPACT_METRIC_TOKENS if compact else assumed.METRIC_TOKENS
        self.judgement = assumed.COMPACT_JUDGEMENT_TOKENS if compact else assumed.JUDGEMENT_TOKENS

    def line(
        self, role: str, purpose: SpendPurpose, calls: int, name: str, *, shows: int = 0, answer: int | None = None
    ) -> Line:
        """Calls of the role call ``name``, which shows so many tokens beside the task and the schema."""
        size = self._table[name]
        prompt = size.fixed + self._task + shows
        return Line(role, purpose, calls, prompt, size.answer if answer is None else answer)

    def scoring(self, calls: int, metrics: int) -> Line:
        """Calls that score a sample each, by so many metrics."""
        shown, answer = metrics * self.metric + assumed.RECORD_TOKENS, metrics * self.judgement
        return self.line("evaluator", SpendPurpose.SCORING, calls, "score_sample", shows=shown, answer=answer)


def _writing(spec: JobSpec, sizes: _Sizes) -> Iterator[Line]:
    search = SpendPurpose.SEARCH
    workflow, learnt = assumed.WORKFLOW_TOKENS, assumed.EXPERIENCE_TOKENS
    seen = spec.search.evaluation_samples * assumed.RECORD_TOKENS
    if spec.facets is None and spec.seeds is None:
        yield sizes.line("optimizer", search, 1, "propose_seeds")
    yield sizes.line("optimizer", search, int(spec.search.initial.by_optimizer), "init_workflow")
    yield sizes.line("optimizer", search, _revisions(spec), "revise_workflow", shows=workflow + seen)
    yield sizes.line("optimizer", search, spec.search.iterations, "refine_workflow", shows=workflow + learnt)


def _sampling(spec: JobSpec) -> Iterator[Line]:
    evaluated = (spec.search.iterations + 1 + _revisions(spec)) * spec.search.evaluation_samples
    for purpose, records in (
        (SpendPurpose.SEARCH, evaluated + _finalist_samples(spec)),
        (SpendPurpose.PRODUCTION, candidates(spec)),
    ):
        calls = records * calls_per_record(spec.search.initial)
        prompt, answer = assumed.GENERATOR_PROMPT_TOKENS, assumed.GENERATOR_ANSWER_TOKENS
        yield Line("generator", purpose, calls, prompt, answer)


def _measuring(spec: JobSpec, sizes: _Sizes) -> Iterator[Line]:
    search, sets = spec.search, _metric_sets(spec)
    batch = search.evaluation_samples * assumed.RECORD_TOKENS
    each = sizes.metrics * sizes.metric
    proposals = sets * search.candidate_sets
    yield sizes.line("evaluator", SpendPurpose.METRICS, proposals, "propose_metrics", shows=batch, answer=each)
    if search.calibrate_metrics:
        exemplars = _own_exemplars(spec) if _fixed_own(spec) else 2 * sizes.metrics * sets
        shown, answer = sizes.metric + assumed.RECORD_TOKENS, sizes.judgement
        yield sizes.line("evaluator", SpendPurpose.METRICS, exemplars, "score_sample", shows=shown, answer=answer)
    if spec.models.embedder is not None and search.candidate_sets > 1:
        compared = search.candidate_sets * sizes.metrics * assumed.EMBEDDED_TOKENS
        yield Line("embedder", SpendPurpose.METRICS, sets, compared, 0)
    own, nodes = len(search.own_metrics), search.iterations + 1
    scored = nodes * search.evaluation_samples + _finalist_samples(spec)
    yield sizes.scoring(scored, own if _fixed_own(spec) else sizes.metrics)
    yield sizes.scoring(_anchored(spec) * search.evaluation_samples, own or sizes.metrics)


def _revisions(spec: JobSpec) -> int:
    return assumed.REVISIONS if spec.review.mode is ReviewMode.HUMAN else 0


def _finalist_samples(spec: JobSpec) -> int:
    """Samples of the finalists; a single one needs no comparison, and without metrics there is none."""
    finalists = min(spec.search.finalists, spec.search.iterations + 1)
    if finalists == 1 or spec.search.reward is RewardKind.WORKFLOW:
        return 0
    return finalists * (spec.search.finalist_samples or spec.search.evaluation_samples)


def _fixed_own(spec: JobSpec) -> bool:
    """Whether the user's own metrics are the one set of the search."""
    return bool(spec.search.own_metrics) and spec.search.metrics is MetricsMode.FIXED


def _own_exemplars(spec: JobSpec) -> int:
    """Exemplars that were written; one that was left out is not scored."""
    metrics = spec.search.own_metrics
    return sum(bool(metric.positive_exemplar) + bool(metric.negative_exemplar) for metric in metrics)


def _metric_sets(spec: JobSpec) -> int:
    """Times that metrics are proposed."""
    if spec.search.metrics is not MetricsMode.FIXED:
        return spec.search.iterations + 1
    return 0 if spec.search.own_metrics else 1


def _anchored(spec: JobSpec) -> int:
    """Nodes that are scored by the anchor set too."""
    if not spec.search.anchor or spec.search.metrics is MetricsMode.FIXED:
        return 0
    return spec.search.iterations + bool(spec.search.own_metrics)  # else the root's own set is the anchor


def _model(spec: JobSpec, pools: Pools, role: str) -> tuple[RoleModel, ModelDescription | None]:
    wanted = spec.models.by_role()[role]
    pool = pools.get(wanted.pool)
    served = {} if pool is None else {model.name: model for model in pool.models}
    return wanted, served.get(wanted.model or (pool.default_model if pool else ""))


def _priced(spec: JobSpec, pools: Pools, line: Line) -> Estimated:
    wanted, model = _model(spec, pools, line.role)
    answer = min(line.answer_tokens, wanted.max_tokens or line.answer_tokens)
    prompts, answers = line.calls * line.prompt_tokens, line.calls * answer
    return Estimated(calls=line.calls, tokens=prompts + answers, cost_usd=_cost(model, prompts, answers))


def _cost(model: ModelDescription | None, prompts: int, answers: int) -> float | None:
    if model is None or model.prompt_usd_per_mtok is None:
        return None
    if answers and model.completion_usd_per_mtok is None:
        return None
    return (prompts * model.prompt_usd_per_mtok + answers * (model.completion_usd_per_mtok or 0.0)) / _MILLION


def _grouped(lines: Iterable[tuple[Line, Estimated]], key: Callable[[Line], str]) -> dict[str, Estimated]:
    groups: dict[str, list[Estimated]] = {}
    for line, part in lines:
        groups.setdefault(key(line), []).append(part)
    return {name: total(parts) for name, parts in sorted(groups.items())}


def at_most(spec: JobSpec, pools: Pools) -> Estimated | None:
    """What the budget bounds: its limits, and what follows from them. None where calls or tokens have no bound.

    A call has a token at least, and no more than the largest context window among the job's models.
    """
    models = [_model(spec, pools, role)[1] for role in spec.models.by_role()]
    calls, tokens = spec.budget.calls, spec.budget.tokens
    windows = [model.context_tokens if model else None for model in models]
    if tokens is None and calls is not None and None not in windows:
        tokens = calls * max(window for window in windows if window is not None)
    if calls is None:
        calls = tokens
    if calls is None or tokens is None:
        return None
    return Estimated(calls=calls, tokens=tokens, cost_usd=_bounded_cost(spec.budget.cost_usd, tokens, models))


def _bounded_cost(limit: float | None, tokens: int, models: Iterable[ModelDescription | None]) -> float | None:
    prices: list[float | None] = []
    for model in models:
        prices += [model.prompt_usd_per_mtok, model.completion_usd_per_mtok] if model else [None]
    if None in prices:
        return limit
    dearest = tokens * max(price for price in prices if price is not None) / _MILLION
    return dearest if limit is None else min(limit, dearest)
