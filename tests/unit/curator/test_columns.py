import io
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec
from graftwork_curator.columns import Columns
from graftwork_curator.columns import Origin
from graftwork_curator.records import RecordCheck
from tests.support.publications import custom
from tests.support.publications import pair
from tests.support.publications import sample

ORIGIN = Origin("job-1", "n2", "f" * 64)
CHAT = [{"role": "user", "content": "Hälfte? ½ 🍕"}, {"role": "assistant", "content": "a\nb\u2028c\x00"}]
RECORDS: dict[Layout, Mapping[str, Any]] = {
    Layout.PROMPT_COMPLETION: pair("Was ist ½?", "👩‍👧 teilen"),
    Layout.MESSAGES: {"messages": CHAT},
    Layout.TEXT: {"text": "שלום " * 50},
}
TYPES = {
    Layout.PROMPT_COMPLETION: [("prompt", "string"), ("completion", "string")],
    Layout.MESSAGES: [("messages", "list<item: struct<role: string, content: string>>")],
    Layout.TEXT: [("text", "string")],
}


def through_parquet(output: OutputSpec, *records: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = Columns(output)
    rows = [columns.row(sample(i, record), ORIGIN) for i, record in enumerate(records)]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=columns.schema), file)
    back: list[dict[str, Any]] = pq.read_table(io.BytesIO(file.getvalue())).to_pylist()
    return back


@pytest.mark.parametrize("layout", list(RECORDS))
def test_a_layout_has_trls_columns_and_its_records_come_back(layout: Layout) -> None:
    output = OutputSpec(layout=layout)
    schema = Columns(output).schema
    assert TYPES[layout] == [(field.name, str(field.type)) for field in schema][:-1]
    (row,) = through_parquet(output, RECORDS[layout])
    ours = row.pop("graftwork")
    assert RECORDS[layout] == row
    assert ours == {
        "sample_id": "s0",
        "seed_index": 0,
        "seed": '{"topic":"topic 0"}',
        "job_id": "job-1",
        "node_id": "n2",
        "workflow_sha256": "f" * 64,
        "undeclared": None,
    }


DEFINED = {
    "chosen": {"type": "string"},
    "prompt": {"$ref": "#/$defs/turns"},
    "meta": {
        "type": "object",
        "properties": {
            "level": {"type": "integer"},
            "weights": {"type": "array", "items": {"type": ["number", "null"]}},
            "kind": {"enum": ["a", "b", None]},
            "flag": {"const": True},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "additionalProperties": False,
    },
    "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    "free": {"type": "object"},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
    "tree": {"$ref": "#/$defs/tree"},
    "anything": True,
}
DEFS = {
    "turns": {"type": "array", "items": {"allOf": [{"$ref": "#/$defs/turn"}]}},
    "turn": {
        "type": "object",
        "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
        "required": ["role"],
    },
    "tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
    },
}
NESTED = custom(DEFINED, **{"$defs": DEFS, "required": ["prompt"], "additionalProperties": False})


def test_a_nested_schema_gets_explicit_types_and_json_only_where_nothing_else_fits() -> None:
    assert [(field.name, str(field.type)) for field in Columns(NESTED).schema][:-1] == [
        ("prompt", "list<item: struct<role: string, content: string>>"),
        ("chosen", "string"),
        (
            "meta",
            "struct<level: int64, weights: list<item: double>, kind: string, flag: bool, note: string>",
        ),
        ("either", "string"),
        ("free", "string"),
        ("tuple", "string"),
        ("tree", "struct<name: string, below: list<item: string>>"),
        ("anything", "string"),
    ]


def test_a_nested_record_comes_back_whole() -> None:
    record = {
        "prompt": [{"role": "user", "content": "½?"}, {"role": "system"}],
        "meta": {"level": 3.0, "weights": [1, None, 2.5], "kind": None, "flag": True},
        "either": 4,
        "free": {"a": [1, {"b": "ü"}]},
        "tuple": ["x", 1],
        "tree": {"name": "root", "below": [{"name": "leaf"}]},
        "anything": [],
    }
    assert RecordCheck(NESTED).fault(record) is None
    (row,) = through_parquet(NESTED, record)
    assert row.pop("graftwork")["undeclared"] is None
    assert row == {
        "prompt": [{"role": "user", "content": "½?"}, {"role": "system", "content": None}],
        "chosen": None,
        "meta": {"level": 3, "weights": [1.0, None, 2.5], "kind": None, "flag": True, "note": None},
        "either": "4",
        "free": '{"a":[1,{"b":"ü"}]}',
        "tuple": '["x",1]',
        "tree": {"name": "root", "below": ['{"name":"leaf"}']},
        "anything": "[]",
    }


def test_what_the_schema_does_not_declare_is_kept_beside_the_columns() -> None:
    output = custom({"text": {"type": "string"}, "turns": DEFS["turns"]}, **{"$defs": DEFS})
    record = {"text": "a", "score": 5, "a/b~c": None, "turns": [{"role": "user", "mood": "sad"}]}
    (row,) = through_parquet(output, record)
    assert {"turns", "text", "graftwork"} == set(row)
    assert json.loads(row["graftwork"]["undeclared"]) == {"/score": 5, "/a~1b~0c": None, "/turns/0/mood": "sad"}


def test_a_schema_without_properties_gives_one_column_of_json() -> None:
    output = OutputSpec.model_validate({"layout": "custom", "record_schema": {"type": "object"}})
    (row,) = through_parquet(output, {"b": 1, "a": "ü"})
    assert row["record"] == '{"a":"ü","b":1}'


def test_odd_property_names_survive() -> None:
    names = ["", "a.b", "ünï", "with space", "0"]
    (row,) = through_parquet(custom({name: {"type": "string"} for name in names}), {name: name for name in names})
    assert {name: name for name in names} == {name: row[name] for name in names}


@pytest.mark.parametrize(
    ("schema", "value", "fault"),
    [
        ({"type": "integer"}, 2**63, "beyond 64 bits"),
        ({"type": "integer"}, -(2**63) - 1, "beyond 64 bits"),
        ({"type": "integer"}, 1e300, "beyond 64 bits"),
        ({"type": "number"}, 10**400, "beyond the range of a float"),
        ({"type": "number"}, float("inf"), "not a finite number"),
        ({"type": "number"}, float("nan"), "not a finite number"),
    ],
)
def test_a_valid_number_that_no_column_can_hold_is_a_fault(schema: dict[str, Any], value: Any, fault: str) -> None:
    output = custom({"n": {"type": "array", "items": schema}})
    assert f"/n/1: {fault}" == RecordCheck(output).fault({"n": [1, value]})


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, 1),
        ({"type": "boolean"}, "yes"),
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.5),
        ({"type": "number"}, "1"),
        ({"type": "array", "items": {"type": "string"}}, "text"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, []),
    ],
)
def test_columns_refuse_values_of_another_type_even_without_the_schema(schema: dict[str, Any], value: Any) -> None:
    assert (Columns(custom({"x": schema})).fault({"x": value}) or "").startswith("/x: ")


scalars = st.sampled_from(["string", "integer", "number", "boolean"])
schemas = st.recursive(
    st.builds(lambda t: {"type": t}, scalars) | st.builds(lambda t: {"type": [t, "null"]}, scalars),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda fields: {"type": "object", "properties": fields},
            st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3),
        )
    ),
    max_leaves=8,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=20),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "null": st.none(),
}


def values(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    match schema:
        case {"type": list(types)}:
            return st.one_of([SCALARS[name] for name in types])
        case {"items": items}:
            return st.lists(values(items), max_size=3)
        case {"properties": properties}:
            return st.fixed_dictionaries({name: values(inner) for name, inner in properties.items()})
    return SCALARS[schema["type"]]


@given(st.data(), st.dictionaries(st.sampled_from("pqrs"), schemas, min_size=1, max_size=3))
def test_any_record_of_any_plain_schema_comes_back(data: st.DataObject, properties: dict[str, Any]) -> None:
    record = data.draw(values({"properties": properties}))
    output = custom(properties)
    assert RecordCheck(output).fault(record) is None
    (row,) = through_parquet(output, record)
    del row["graftwork"]
    assert record == row
