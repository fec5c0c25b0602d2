"""The AsyncAPI document says what the code does, and its parts fit together."""

import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from graftwork.contracts.events import EventData
from graftwork.kit.bus import topic_configs
from graftwork.kit.bus import topics_of
from publishing.asyncapi import document
from publishing.flow import Flow
from publishing.flow import observed
from publishing.text import yaml_text

CONTRACTS = Path(__file__).parents[2] / "docs" / "contracts"


@pytest.fixture(scope="module")
def flow() -> Flow:
    return observed()


@pytest.fixture(scope="module")
def told(flow: Flow) -> dict[str, Any]:
    return document(flow)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        yield from (found for each in value.values() for found in references(each))
    elif isinstance(value, list):
        yield from (found for each in value for found in references(each))


def pointed_at(told: dict[str, Any], pointer: str) -> Any:
    return reduce(lambda value, name: value[name], pointer.removeprefix("#/").split("/"), told)


def test_it_is_read_as_it_was_meant(told: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(told)) == told


def test_its_topics_are_those_that_services_create(told: dict[str, Any]) -> None:
    bindings = [channel["bindings"]["kafka"] for channel in told["channels"].values()]

    assert [binding["topic"] for binding in bindings] == topics_of("graftwork", EventData.registry)
    for binding in bindings:
        said = {name: str(value) for name, value in binding["topicConfiguration"].items()}
        assert said == topic_configs(binding["topic"])


def test_an_address_is_its_topic_in_any_namespace(told: dict[str, Any]) -> None:
    for channel in told["channels"].values():
        assert channel["address"].format(namespace="graftwork") == channel["bindings"]["kafka"]["topic"]


def test_its_operations_are_what_services_say_and_hear(told: dict[str, Any], flow: Flow) -> None:
    said = {f"{service}.says.{name}" for service, names in flow.says.items() for name in names}
    heard = {f"{service}.hears.{name}" for service, names in flow.hears.items() for name in names}
    buried = {operation.replace(".hears.", ".buries.") for operation in heard}

    assert told["operations"].keys() == said | heard | buried


def test_every_reference_leads_somewhere(told: dict[str, Any]) -> None:
    for reference in references(told):
        if reference.startswith("#/"):
            pointed_at(told, reference)
        else:
            assert (CONTRACTS / reference).is_file()


def test_every_example_fits_its_schemas(told: dict[str, Any]) -> None:
    registry = Registry().with_resource("urn:told", DRAFT202012.create_resource(told))
    for name, message in told["components"]["messages"].items():
        for example in message.get("examples", ()):
            payload = json.loads((CONTRACTS / message["payload"]["$ref"]).read_text(encoding="utf-8"))
            headers = {"$ref": f"urn:told#/components/messages/{name}/headers"}
            Draft202012Validator(payload).validate(example["payload"])
            Draft202012Validator(headers, registry=registry).validate(example["headers"])


def test_every_event_has_an_example_and_its_type_in_the_headers(told: dict[str, Any]) -> None:
    messages = told["components"]["messages"]

    for event in EventData.registry:
        message = messages[f"{event}.v1"]
        assert [each["headers"]["ce_type"] for each in message["examples"]] == [f"graftwork.{event}.v1"]
        assert message["headers"]["properties"]["ce_type"] == {"const": f"graftwork.{event}.v1"}


def test_a_correlation_is_where_it_says(told: dict[str, Any]) -> None:
    for message in told["components"]["messages"].values():
        for example in message.get("examples", ()):
            correlation = pointed_at(told, message["correlationId"]["$ref"])
            where, _, name = correlation["location"].partition("#/")
            part = {"$message.payload": "payload", "$message.header": "headers"}[where]
            assert example[part][name]
