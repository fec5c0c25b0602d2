"""What the Evaluator LLM may answer: the JSON schemas that are sent, and the strict reading of what comes back.

Where a schema depends on the request (how many metrics, their names), a function makes the model for
it, so that an endpoint with structured output cannot even write a wrong name.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated
from typing import Any
from typing import ClassVar
from typing import Literal
from typing import Self
from typing import TypeVar

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import Field
from pydantic import create_model
from pydantic import model_validator

from graftwork.contracts.workflows import Judgement
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.models.answers import Answer
from graftwork.models.answers import Line
from graftwork.models.answers import Points
from graftwork.models.answers import Text

COMPACT_METRICS = 3
MAX_NAME_CHARS = 80

M = TypeVar("M", bound=BaseModel)


def _short(name: str) -> str:
    if len(name) > MAX_NAME_CHARS:
        raise ValueError(f"a name has at most {MAX_NAME_CHARS} characters")
    return name


class ProposedMetric(Answer):
    """One criterion."""

    name: Annotated[Line, AfterValidator(_short)]
    definition: Text
    positive_exemplar: Text
    negative_exemplar: Text


class ProposedMetrics(Answer):
    """A candidate set; names are unique whatever their case."""

    metrics: list[ProposedMetric] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        counts = Counter(metric.name.casefold() for metric in self.metrics)
        twice = [name for name, n in counts.items() if n > 1]
        if twice:
            raise ValueError(f"metric names must be unique, these are not: {', '.join(twice)}")
        return self

    def to_set(self) -> MetricSet:
        """Return them as what other services read."""
        return MetricSet.model_validate(self.model_dump())


class CompactMetric(ProposedMetric):
    """One criterion in a few words."""

    name: str = Field(min_length=3, max_length=30)
    definition: str = Field(min_length=10, max_length=80)
    positive_exemplar: str = Field(min_length=3, max_length=80)
    negative_exemplar: str = Field(min_length=3, max_length=80)


class CompactMetrics(ProposedMetrics):
    """Exactly three criteria."""

    metrics: list[CompactMetric] = Field(  # type: ignore[assignment]  # narrower on purpose; answers are frozen
        min_length=COMPACT_METRICS, max_length=COMPACT_METRICS
    )


class MetricScore(Answer):
    """One cell of the score matrix. The reason comes first, so that the score follows from it."""

    metric: str
    justification: Text
    score: Points


class SampleJudgement(Answer):
    """One row of the score matrix."""

    expected: ClassVar[tuple[str, ...]] = ()

    judgements: list[MetricScore]

    @model_validator(mode="after")
    def _every_metric_once(self) -> Self:
        counts = Counter(judgement.metric for judgement in self.judgements)
        wrong = [f"{name!r} {counts[name]} times" for name in self.expected if counts[name] != 1]
        if wrong:
            raise ValueError(f"every metric must be judged exactly once, but there is {', '.join(wrong)}")
        return self

    def by_metric(self, metrics: Sequence[Metric]) -> dict[str, Judgement]:
        """Judgements in the order of ``metrics``."""
        found = {j.metric: Judgement(score=j.score, justification=j.justification) for j in self.judgements}
        return {metric.name: found[metric.name] for metric in metrics}


class CompactScore(Answer):
    """One cell, in a few words."""

    why: str = Field(min_length=1, max_length=90)
    score: Points


class CompactJudgement(Answer):
    """One row, its cells named m1, m2, ... in the order of the metrics."""

    def spelt_out(self, metrics: Sequence[Metric]) -> SampleJudgement:
        """Return the row with the metrics' names."""
        cells: list[CompactScore] = [getattr(self, name) for name in _compact_names(len(metrics))]
        return SampleJudgement(
            judgements=[
                MetricScore(metric=metric.name, justification=cell.why, score=cell.score)
                for metric, cell in zip(metrics, cells, strict=True)
            ]
        )


def metrics_answer(fewest: int, most: int) -> type[ProposedMetrics]:
    """Model of a candidate set of ``fewest`` to ``most`` metrics."""
    return _model(ProposedMetrics, metrics=(list[ProposedMetric], Field(min_length=fewest, max_length=most)))


def judgement_answer(metrics: Sequence[Metric]) -> type[SampleJudgement]:
    """Model of one row that names every metric exactly once."""
    names = tuple(metric.name for metric in metrics)
    one_of_them: Any = Literal.__getitem__(names)
    cells: Any = list[_model(MetricScore, metric=(one_of_them, ...))]  # type: ignore[misc]  # made for this request
    made = _model(SampleJudgement, judgements=(cells, Field(min_length=len(names), max_length=len(names))))
    made.expected = names
    return made


def compact_judgement_answer(number: int) -> type[CompactJudgement]:
    """Model of one row of ``number`` cells."""
    return _model(CompactJudgement, **dict.fromkeys(_compact_names(number), (CompactScore, ...)))


def _compact_names(number: int) -> list[str]:
    return [f"m{index}" for index in range(1, number + 1)]


def _model(base: type[M], **fields: Any) -> type[M]:
    made: type[M] = create_model(base.__name__, __base__=base, __doc__=base.__doc__, **fields)
    return made
