"""Samples that are after the score and not after the task: they become failed candidates, and no judge sees them. Pure.

What needs no metrics (canned output, copies of the prompt, most appeals) the runner has refused already. Here is what
only shows beside the metrics: a positive exemplar given back, points on the metrics that a sample gives itself; and
an appeal, once more, since samples may come from a runner that did not look.
"""

import json
from collections import Counter
from collections.abc import Sequence

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork.models.appeals import appeal_in
from graftwork.models.appeals import marks_itself
from graftwork.models.copying import texts_in
from graftwork_evaluator.copies import without_copies


def honest_rows(rows: Sequence[SampleRow], metrics: Sequence[Metric], spec: JobSpec) -> list[SampleRow]:
    """``rows`` with every sample that cheats turned into a failed candidate that says how."""
    names = [metric.name for metric in metrics]
    return [_looked_at(row, names, spec) if row.ok else row for row in without_copies(rows, metrics)]


def refusals(before: Sequence[SampleRow], after: Sequence[SampleRow]) -> dict[str, int]:
    """Reason -> how many good samples were found to be none."""
    pairs = zip(before, after, strict=True)
    return dict(Counter(str(now.reason) for was, now in pairs if was.ok and not now.ok))


def _looked_at(row: SampleRow, names: Sequence[str], spec: JobSpec) -> SampleRow:
    texts = list(texts_in(row.output))
    about = [spec.task, json.dumps(dict(spec.output.json_schema)), *texts_in(row.seed)]
    found = appeal_in(texts, about=about) or marks_itself(texts, names)
    if found is None:
        return row
    return row.model_copy(update={"output": None, "reason": FailureReason.APPEALS_TO_JUDGE.value, "detail": found})
