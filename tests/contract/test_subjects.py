"""What a schema registry is told."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from graftwork.contracts.events import EventData
from graftwork.kit.bus import topic_of
from publishing.subjects import subjects

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts"
ENTRIES = subjects()["subjects"]


def schema_of(entry: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((CONTRACTS / entry["schema"]).read_text(encoding="utf-8"))
    return schema


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        yield from (found for each in value.values() for found in references(each))
    elif isinstance(value, list):
        yield from (found for each in value for found in references(each))


def test_every_topic_has_a_subject_for_its_values_and_none_for_its_keys_which_are_no_json() -> None:
    topics = [topic_of("graftwork", name) for name in EventData.registry]

    assert Counter(entry["subject"] for entry in ENTRIES) == Counter(f"{topic}-value" for topic in topics)


def test_a_schema_contains_all_it_refers_to() -> None:
    for entry in ENTRIES:
        assert entry["references"] == []
        assert all(reference.startswith("#/$defs/") for reference in references(schema_of(entry)))


def test_a_schema_is_one_and_is_named_as_its_record() -> None:
    for entry in ENTRIES:
        schema = schema_of(entry)
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == entry["record"]
