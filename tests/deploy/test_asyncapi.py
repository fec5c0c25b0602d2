"""The AsyncAPI document against the official schema of such documents."""

import json
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

from tests.support.manifests import ran

DOCUMENT = Path(__file__).parents[2] / "docs" / "contracts" / "asyncapi.yaml"


def test_the_document_is_what_asyncapi_calls_one() -> None:
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    official = Draft7Validator(json.loads(ran(["asyncapi", document["asyncapi"]])))

    assert [f"{error.json_path}: {error.message}" for error in official.iter_errors(document)] == []


def test_the_official_schema_refuses_what_is_none() -> None:
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    official = Draft7Validator(json.loads(ran(["asyncapi", document["asyncapi"]])))
    next(iter(document["operations"].values()))["action"] = "publish"  # as AsyncAPI 2 had it

    assert not official.is_valid(document)
