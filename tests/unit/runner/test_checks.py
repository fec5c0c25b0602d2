"""Which outputs become samples."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import pytest

from graftwork.contracts.records import OutputSpec
from graftwork.contracts.workflows import FailureReason
from graftwork.contracts.workflows import SampleRow
from graftwork_runner.checks import judge
from graftwork_runner.errors import UnusableSchema
from graftwork_runner.sandbox import Outcome
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits

SCHEMA = OutputSpec().json_schema


def judged(
    outcomes: Sequence[Outcome],
    schema: Mapping[str, Any] = SCHEMA,
    seeds: Sequence[Mapping[str, Any]] | None = None,
    limits: JsonLimits | None = None,
) -> list[SampleRow]:
    values = seeds or [{"topic": f"t{outcome.index}"} for outcome in outcomes]
    inputs = [SeedInput(outcome.index, seed) for outcome, seed in zip(outcomes, values, strict=True)]
    return judge(inputs, outcomes, schema=schema, limits=limits or JsonLimits(), node_id="job:node:1")


def record(index: int, completion: str, calls: int = 1) -> Outcome:
    return Outcome(index, record=json.dumps({"prompt": "p", "completion": completion}), calls=calls)


def test_a_good_record_becomes_a_sample() -> None:
    [row] = judged([record(7, "text", calls=2)])
    expected = SampleRow(
        sample_id="job:node:1:7",
        seed_index=7,
        seed={"topic": "t7"},
        output={"prompt": "p", "completion": "text"},
        calls=2,
    )
    assert expected == row


def test_a_failure_keeps_its_reason_and_a_clean_detail() -> None:
    outcome = Outcome(0, reason=FailureReason.TIMED_OUT, detail="\x1b[31mlate\x00", calls=1)
    [row] = judged([outcome])
    assert (row.ok, row.reason, row.detail, row.calls) == (False, "timed_out", "late", 1)


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('{"prompt": "p"}', '$: \'completion\' is a required property; returned: {"prompt": "p"}'),
        ('{"prompt": "p", "completion": ""}', "$.completion: '' should be non-empty; returned: "),
        ('{"prompt": "p", "completion": 3}', "$.completion: 3 is not of type 'string'; returned: "),
        ('{"prompt": "p", "completion": "c", "x": 1}', "$: Additional properties are not allowed"),
        ('["p"]', "the record is refused: a JSON object is needed, not a list"),
        ('"text"', "the record is refused: a JSON object is needed, not text"),
        ('{"prompt": "p", "completion": NaN}', "the record is refused: NaN is not JSON"),
        ('{"prompt": "p", "prompt": "q"}', "the record is refused: an object has the same key twice"),
        ("junk", "the record is refused: not JSON"),
    ],
)
def test_the_wrong_shape_is_invalid_output(text: str, detail: str) -> None:
    [row] = judged([Outcome(0, record=text, calls=1)])
    assert (row.ok, row.reason) == (False, "invalid_output")
    assert str(row.detail).startswith(detail)


def test_a_record_beyond_the_limits_is_invalid_output() -> None:
    [row] = judged([record(0, "x" * 500)], limits=JsonLimits(chars=100))
    assert (row.ok, row.reason) == (False, "invalid_output")


def test_escapes_in_a_wrong_record_do_not_reach_its_detail() -> None:
    [row] = judged([Outcome(0, record=json.dumps({"prompt": "\x1b[31m" + "x" * 9_000}), calls=1)])
    assert "\x1b" not in str(row.detail)
    assert len(str(row.detail)) <= 500


def test_a_record_made_without_the_model_is_canned() -> None:
    [canned, honest] = judged([record(0, "a", calls=0), record(1, "b")])
    assert (canned.reason, canned.detail) == ("canned_output", "the record was made without asking the model")
    assert honest.ok


def test_the_same_record_for_different_seeds_is_canned_every_time() -> None:
    same = "A half is one of two equal parts, and two of them make the whole."
    rows = judged([record(0, same), record(1, "other"), record(2, same)])
    assert [row.reason for row in rows] == ["canned_output", None, "canned_output"]


def test_the_same_record_for_the_same_seed_is_only_a_duplicate() -> None:
    rows = judged([record(0, "same"), record(1, "same")], seeds=[{"topic": "t"}, {"topic": "t"}])
    assert [row.ok for row in rows] == [True, True]


def test_a_schema_that_refers_elsewhere_is_unusable_and_fetches_nothing() -> None:
    with pytest.raises(UnusableSchema):
        judged([record(0, "a")], schema={"type": "object", "$ref": "http://127.0.0.1:9/schema.json"})


def test_a_record_that_takes_too_much_checking_is_invalid_output() -> None:
    nested: Any = []
    for _ in range(25):
        nested = [nested]
    tree = {"anyOf": [{"items": {"$ref": "#/$defs/tree"}, "minItems": 1}] * 3}
    schema = {"type": "object", "$defs": {"tree": tree}, "properties": {"tree": {"$ref": "#/$defs/tree"}}}
    hostile = Outcome(0, record=json.dumps({"tree": nested}), calls=1)
    honest = Outcome(1, record=json.dumps({"tree": [7]}), calls=1)
    rows = judged([hostile, honest], schema=schema)
    expected = ("invalid_output", "the record is too large to be checked against the schema")
    assert (rows[0].reason, rows[0].detail) == expected
    assert rows[1].ok


def test_a_pattern_that_is_none_makes_the_schema_unusable() -> None:
    schema = {"type": "object", "properties": {"prompt": {"pattern": "(?(1)a|b)"}}}
    with pytest.raises(UnusableSchema, match="none of ECMA 262"):
        judged([record(0, "a")], schema=schema)
