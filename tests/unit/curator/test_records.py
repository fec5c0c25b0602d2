import pytest

from graftwork.contracts.records import OutputSpec
from graftwork_curator.errors import UnusableSchema
from graftwork_curator.records import RecordCheck
from tests.support.publications import custom
from tests.support.publications import pair


def test_a_record_that_fits_has_no_fault() -> None:
    assert RecordCheck(OutputSpec()).fault(pair("a", "b")) is None


def test_the_fault_says_where_and_why() -> None:
    fault = RecordCheck(OutputSpec(layout="messages")).fault(
        {"messages": [{"role": "user", "content": "a"}, {"role": "x"}]}
    )
    assert fault is not None
    assert fault.startswith("$.messages[1]")


def test_a_fault_is_bounded() -> None:
    fault = RecordCheck(custom({"n": {"type": "integer"}})).fault({"n": "x" * 10_000})
    assert fault is not None
    assert len(fault) <= 300


@pytest.mark.parametrize("reference", ["#/$defs/missing", "http://127.0.0.1:9/schema.json", "other.json"])
def test_a_reference_that_leads_out_of_the_schema_is_told_and_never_fetched(reference: str) -> None:
    check = RecordCheck(custom({"n": {"$ref": reference}}))
    with pytest.raises(UnusableSchema, match="refers to"):
        check.fault({"n": 1})


def test_a_record_that_would_take_for_ever_is_discarded() -> None:
    schema = {"n": {"type": "array", "items": {"items": {"anyOf": [{"type": "null"}, {"type": "number"}]}}}}
    fault = RecordCheck(custom(schema)).fault({"n": [["x" * 10_000] * 100] * 10})
    assert fault == "the record is too large to be checked against the schema"


def test_a_pattern_that_is_none_is_told() -> None:
    check = RecordCheck(custom({"n": {"pattern": "^a\\Z"}}))
    with pytest.raises(UnusableSchema, match="is none of ECMA 262"):
        check.fault({"n": "a"})
