"""Records against schemas, at a price that is bounded by counting: no test here looks at a clock."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from graftwork.kit.errors import TooLargeToCheck
from graftwork.kit.errors import UnusablePattern
from graftwork.kit.fitting import WORK
from graftwork.kit.fitting import Fitting
from graftwork.kit.fitting import unusable

UNIQUE = {"type": "array", "uniqueItems": True}
TREE = {
    "$defs": {"tree": {"anyOf": [{"items": {"$ref": "#/$defs/tree"}, "minItems": 1, "type": "array"}] * 3}},
    "$ref": "#/$defs/tree",
}
OF_PATTERNS = {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "record"),
    [
        (UNIQUE, [{"a": 1}, {"a": 2}]),
        (UNIQUE, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]),
        (UNIQUE, [1, True]),
        (UNIQUE, [[0], [False]]),
        (UNIQUE, [1, 1.0]),
        (UNIQUE, ["1", 1]),
        (UNIQUE, {"a": 1}),
        ({"pattern": "b$"}, "aab"),
        ({"pattern": "b$"}, "aabc"),
        ({"pattern": "b$"}, 7),
        (OF_PATTERNS, {"x1": 1}),
        (OF_PATTERNS, {"x1": "1"}),
        (OF_PATTERNS, {"x1": 1, "y": 1}),
        (OF_PATTERNS, [1]),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "null"}}, {"a": 1, "b": None}),
        ({"properties": {"a": {}}, "additionalProperties": {"type": "null"}}, {"a": 1, "b": 2}),
        ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2]),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"a": 1}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "const": {"$schema": "x"}}, {"$schema": "x"}),
    ],
)
def test_the_verdict_is_that_of_jsonschema(schema: dict[str, Any], record: Any) -> None:
    fault = Fitting(schema).fault(record)
    assert (fault is None) == Draft202012Validator(schema).is_valid(record)


def test_the_price_of_unique_items_grows_with_their_text_and_not_with_their_pairs() -> None:
    def work(items: int) -> int:
        fitting = Fitting(UNIQUE)
        assert fitting.fault([{"a": number} for number in range(items)]) is None
        return fitting.done

    assert work(2_000) < 2.5 * work(1_000)


def test_a_record_in_which_branches_multiply_is_too_large_to_be_checked() -> None:
    record: Any = "leaf"
    for _ in range(30):
        record = [record]
    fitting = Fitting(TREE)
    with pytest.raises(TooLargeToCheck, match="too large to be checked"):
        fitting.fault(record)
    assert fitting.done < WORK + 1_000


def test_a_record_that_says_its_schema_anew_is_metered_all_the_same() -> None:
    record: Any = []
    for _ in range(30):
        record = [record]
    schema = {"$schema": Draft202012Validator.META_SCHEMA["$id"], "anyOf": [{"items": {"$ref": "#"}, "maxItems": 1}]}
    fitting = Fitting(schema, work=3_000)
    with pytest.raises(TooLargeToCheck):
        fitting.fault(record)


def test_messages_are_paid_for_too() -> None:
    record = [["x" * 1_000] * 10] * 10
    fitting = Fitting({"items": {"items": {"anyOf": [{"type": "null"}, {"type": "number"}]}}}, work=200_000)
    with pytest.raises(TooLargeToCheck):
        fitting.fault(record)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=a)(a+)+\\1$", "(a|a)*$"])
def test_a_pattern_that_would_backtrack_for_ever_comes_to_an_end(pattern: str) -> None:
    fault = Fitting({"pattern": pattern, "type": "string"}).fault("a" * 5_000 + "b")
    assert pattern == "(a|a)*$" or fault is not None


def test_a_pattern_that_is_none_is_told() -> None:
    with pytest.raises(UnusablePattern, match="is none of ECMA 262"):
        Fitting({"pattern": "(?(1)a|b)\\Z"}).fault("a")


def test_a_schema_that_is_its_own_reference_ends() -> None:
    with pytest.raises(TooLargeToCheck, match="nested too deeply"):
        Fitting({"$ref": "#"}).fault({})


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"pattern": "^\\d+$"}}},
        {
            "$id": "tree",
            "properties": {"child": {"$ref": "tree"}, "leaf": {"$ref": "#leaf"}},
            "$defs": {"l": {"$anchor": "leaf"}},
        },
        {"properties": {"again": {"$ref": "#"}, "pattern": {"type": "string"}}, "patternProperties": {"^x-": True}},
        {"const": {"$ref": "#/nowhere", "pattern": "("}, "$schema": Draft202012Validator.META_SCHEMA["$id"]},
    ],
)
def test_a_schema_that_records_can_be_checked_against_has_nothing_unusable(schema: dict[str, Any]) -> None:
    assert list(unusable(schema)) == []


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"pattern": "(?(1)a|b)\\Z"}, "is none of ECMA 262"),
        ({"additionalProperties": {"items": {"pattern": "(?(1)a|b)\\Z"}}}, "is none of ECMA 262"),
        ({"patternProperties": {"(?(1)a|b)\\Z": {}}}, "is none of ECMA 262"),
        ({"$ref": "#/$defs/missing"}, "refers to '#/$defs/missing', which it does not hold"),
        ({"$dynamicRef": "#missing"}, "refers to '#missing', which it does not hold"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "which it does not hold"),
        ({"$ref": "other.json"}, "refers to 'other.json'"),
    ],
)
def test_what_no_record_could_be_checked_against_is_told_beforehand(part: dict[str, Any], told: str) -> None:
    (fault,) = unusable({"properties": {"n": {"anyOf": [part]}}})

    assert told in fault
