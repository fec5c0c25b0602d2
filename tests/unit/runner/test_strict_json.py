"""JSON from the sandbox: what every reader would read alike, and nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_runner.errors import JsonRefused
from graftwork_runner.strict_json import JsonLimits
from graftwork_runner.strict_json import parse_object
from graftwork_runner.strict_json import parse_strictly

LIMITS = JsonLimits(chars=1_000, depth=5, values=50)
SCALARS = st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(VALUES)
def test_reads_what_json_wrote(value: object) -> None:
    assert parse_strictly(json.dumps(value), JsonLimits()) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("[1e999]", "too large"),
        ("[" + "9" * 30 + "]", "an integer of 30 digits"),
        ('{"a": 1, "a": 2}', "the same key twice"),
        ('["\\ud800"]', "a lone surrogate"),
        ('{"\\udfff": 1}', "a lone surrogate"),
        ("[" * 6 + "]" * 6, "nested too deeply"),
        ("[" * 490 + "]" * 490, "nested too deeply"),
        ("[" + "1," * 60 + "1]", "too many values"),
        ('"' + "x" * 1_000 + '"', "1,002 characters"),
        ('{"a": 1', "not JSON"),
        ("", "not JSON"),
        ("{'a': 1}", "not JSON"),
    ],
)
def test_refuses(text: str, problem: str) -> None:
    with pytest.raises(JsonRefused) as refusal:
        parse_strictly(text, LIMITS)
    assert problem in str(refusal.value)


def test_a_hundred_thousand_brackets_are_refused_and_not_a_crash() -> None:
    with pytest.raises(JsonRefused, match="nested too deeply"):
        parse_strictly("[" * 100_000 + "]" * 100_000, JsonLimits())


@pytest.mark.parametrize(
    ("text", "found"), [("[]", "a list"), ('"x"', "text"), ("null", "null"), ("true", "a boolean"), ("3", "a number")]
)
def test_a_record_is_an_object(text: str, found: str) -> None:
    with pytest.raises(JsonRefused, match=f"a JSON object is needed, not {found}"):
        parse_object(text, LIMITS)
