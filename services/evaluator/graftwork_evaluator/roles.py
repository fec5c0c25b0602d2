"""What is asked of the Evaluator LLM. A job may replace their prompts (``role_prompts``)."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from graftwork.contracts.workflows import Metric
from graftwork.models.roles import RoleCall
from graftwork.models.roles import Sampling
from graftwork.models.roles import Variant
from graftwork_evaluator.answers import CompactJudgement
from graftwork_evaluator.answers import CompactMetrics
from graftwork_evaluator.answers import ProposedMetrics
from graftwork_evaluator.answers import SampleJudgement
from graftwork_evaluator.answers import compact_judgement_answer
from graftwork_evaluator.answers import judgement_answer
from graftwork_evaluator.answers import metrics_answer

_PACKAGE = "graftwork_evaluator"


def _as_it_is(answer: CompactMetrics, _variables: Mapping[str, Any]) -> ProposedMetrics:
    return answer


def _spelt_out(answer: CompactJudgement, variables: Mapping[str, Any]) -> SampleJudgement:
    return answer.spelt_out(variables["metrics"])


PROPOSE_METRICS: RoleCall[ProposedMetrics] = RoleCall(
    name="propose_metrics",
    role="evaluator",
    template="propose_metrics.j2",
    answer=ProposedMetrics,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.7, max_tokens=4_000),
    compact=Variant(
        template="propose_metrics_compact.j2",
        answer=CompactMetrics,
        sampling=Sampling(temperature=0.7, max_tokens=600, repeat_penalty=1.1),
        adapt=_as_it_is,
    ),
)

SCORE_SAMPLE: RoleCall[SampleJudgement] = RoleCall(
    name="score_sample",
    role="evaluator",
    template="score_sample.j2",
    answer=SampleJudgement,
    package=_PACKAGE,
    sampling=Sampling(temperature=0.0, max_tokens=2_500),
    compact=Variant(
        template="score_sample_compact.j2",
        answer=CompactJudgement,
        sampling=Sampling(temperature=0.0, max_tokens=300),
        adapt=_spelt_out,
    ),
)

ROLE_CALLS = (PROPOSE_METRICS, SCORE_SAMPLE)


def propose_metrics(fewest: int, most: int) -> RoleCall[ProposedMetrics]:
    """``PROPOSE_METRICS`` with the number of metrics in its schema."""
    return replace(PROPOSE_METRICS, answer=metrics_answer(fewest, most))


def score_sample(metrics: Sequence[Metric]) -> RoleCall[SampleJudgement]:
    """``SCORE_SAMPLE`` with the names of these metrics in its schema."""
    compact = SCORE_SAMPLE.compact
    return replace(
        SCORE_SAMPLE,
        answer=judgement_answer(metrics),
        compact=compact and replace(compact, answer=compact_judgement_answer(len(metrics))),
    )
