"""Whether what came out of the sandbox is a sample: shape, honesty, and a readable reason where it is not. Pure."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from referencing.exceptions import Unresolvable

from graftwork.contracts.ids import derived_id
from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import SampleRow
from graftwork.kit.errors import TooLargeToCheck
from graftwork.kit.errors import UnusablePattern
from graftwork.kit.fitting import Fitting
from graftwork.models.appeals import appeal_in
from graftwork.models.copying import texts_in
from graftwork_runner import copies
from graftwork_runner.errors import JsonRefused
from graftwork_runner.errors import UnusableSchema
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import Outcome
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from graftwork_runner.strict_json import parse_object
from graftwork_runner.uninformed import uninformed

_EXCERPT_CHARS = 200
_UNINFORMED = (
    "nothing in the record comes from the model: its texts stand in the code, or are those of other seeds but for the "
    "seed's own words"
)


def judge(
    seeds: Sequence[SeedInput],
    outcomes: Sequence[Outcome],
    *,
    schema: Mapping[str, Any],
    limits: JsonLimits,
    node_id: str,
    prompts: Sequence[str] = (),
    code: str = "",
    task: str = "",
) -> list[SampleRow]:
    """One row per outcome, in the order of the seeds.

    A good row's output fits ``schema``, was made with at least one model call, is neither canned nor copied
    from ``prompts``, the workflow's templates (``copies``), owes something to the model (``uninformed``), and
    does not speak to its judge. ``task``: the job's, which may be about judging. Raises ``UnusableSchema``.
    """
    by_index = {seed.index: seed for seed in seeds}
    fitting = Fitting(schema)
    rows = [_row(by_index[o.index], o, fitting=fitting, limits=limits, node_id=node_id) for o in outcomes]
    said = {outcome.index: outcome.said for outcome in outcomes}
    found = {
        **_appeals(rows, [task, json.dumps(schema)]),
        **dict.fromkeys(uninformed(rows, said, code), (FailureReason.CANNED_OUTPUT, _UNINFORMED)),
        **copies.verdicts(rows, said, prompts),
    }
    return [_failed(row, *found[row.sample_id]) if row.sample_id in found else row for row in rows]


def _appeals(rows: Sequence[SampleRow], job: Sequence[str]) -> dict[str, copies.Verdict]:
    found = ((row, appeal_in(texts_in(row.output), about=[*job, *texts_in(row.seed)])) for row in rows if row.ok)
    return {row.sample_id: (FailureReason.APPEALS_TO_JUDGE, appeal) for row, appeal in found if appeal is not None}


def _row(seed: SeedInput, outcome: Outcome, *, fitting: Fitting, limits: JsonLimits, node_id: str) -> SampleRow:
    row = SampleRow(
        sample_id=derived_id(node_id, seed.index), seed_index=seed.index, seed=seed.values, calls=outcome.calls
    )
    if outcome.record is None:
        return _failed(row, outcome.reason or FailureReason.CRASHED, outcome.detail)
    try:
        output = parse_object(outcome.record, limits)
    except JsonRefused as error:
        return _failed(row, FailureReason.INVALID_OUTPUT, f"the record is refused: {error}")
    problem = _misfit(output, fitting)
    if problem is not None:
        return _failed(row, FailureReason.INVALID_OUTPUT, problem)
    if outcome.calls == 0:
        return _failed(row, FailureReason.CANNED_OUTPUT, "the record was made without asking the model")
    return row.model_copy(update={"output": output})


def _misfit(output: Mapping[str, Any], fitting: Fitting) -> str | None:
    try:
        error = fitting.fault(output)
    except TooLargeToCheck as large:
        return f"the record is {large}"
    except (Unresolvable, UnusablePattern) as unusable:
        raise UnusableSchema(f"the output schema cannot be applied: {unusable}") from unusable
    if error is None:
        return None
    returned = readable(json.dumps(output, ensure_ascii=False), _EXCERPT_CHARS)
    return f"{error.json_path}: {readable(error.message, _EXCERPT_CHARS)}; returned: {returned}"


def _failed(row: SampleRow, reason: FailureReason, detail: str) -> SampleRow:
    return row.model_copy(update={"output": None, "reason": reason.value, "detail": readable(detail)})
