"""Samples that repeat an exemplar, and exemplars that repeat a sample. Pure.

A positive exemplar says what earns a 5, so a sample that gives it back has earned nothing. That holds for
exemplars older than the sample: the user's own, and those of a set used again. An exemplar written for
this very batch can only have been taken from the sample; it would hand that sample its score, and later
make the same honest words look copied, so it is left out. ``graftwork.models.copying`` says what a copy is.
"""

from collections.abc import Iterable
from collections.abc import Sequence

from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.models.copying import is_copy
from graftwork.models.copying import longest_text
from graftwork.models.copying import runs_of


def without_copies(rows: Iterable[SampleRow], metrics: Iterable[Metric]) -> list[SampleRow]:
    """``rows`` with every sample that repeats a positive exemplar turned into a failed candidate that says so."""
    exemplars = {metric.positive_exemplar: metric.name for metric in metrics if metric.positive_exemplar}
    every = runs_of(exemplars)
    return [_failed(row, exemplars) if row.ok and is_copy(longest_text(row.output), every) else row for row in rows]


def without_quotations(metrics: MetricSet, rows: Iterable[SampleRow]) -> MetricSet:
    """``metrics`` without the exemplars that are the words of one of the samples they were written for."""
    every = runs_of(exemplar for metric in metrics.metrics for exemplar in _exemplars(metric))
    texts = [text for row in rows if is_copy(text := longest_text(row.output), every)]
    return MetricSet(metrics=tuple(_in_own_words(metric, texts) for metric in metrics.metrics)) if texts else metrics


def _failed(row: SampleRow, exemplars: dict[str, str]) -> SampleRow:
    text = longest_text(row.output)
    names = [name for exemplar, name in exemplars.items() if is_copy(text, runs_of([exemplar]))]
    whose = f"the positive exemplar of {names[0]!r}" if names else "the metrics' positive exemplars"
    detail = f"the sample repeats {whose}, word for word"
    return row.model_copy(update={"output": None, "reason": FailureReason.COPIED_OUTPUT.value, "detail": detail})


def _in_own_words(metric: Metric, texts: Sequence[str]) -> Metric:
    positive, negative = ("" if _quotes(exemplar, texts) else exemplar for exemplar in _exemplars(metric))
    return metric.model_copy(update={"positive_exemplar": positive, "negative_exemplar": negative})


def _quotes(exemplar: str, texts: Sequence[str]) -> bool:
    runs = runs_of([exemplar])
    return any(is_copy(text, runs) for text in texts)


def _exemplars(metric: Metric) -> tuple[str, str]:
    return metric.positive_exemplar, metric.negative_exemplar
