import re
from typing import Any

import pytest
from pydantic import BaseModel

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork.contracts.rest_plans import ExtensionRequest
from graftwork.contracts.rest_reviews import ReviewAnswer
from graftwork_gateway.app import bare_app
from graftwork_gateway.examples import EXAMPLES

WITH_EXAMPLES: tuple[type[BaseModel], ...] = (
    ExtensionRequest,
    JobSpec,
    KeyRequest,
    Problem,
    ReviewAnswer,
    TenantLimits,
    WebhookRequest,
)


@pytest.fixture
def document() -> dict[str, Any]:
    app = bare_app()
    assert app.openapi() == app.openapi()
    return app.openapi()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): one for path, methods in document["paths"].items() for method, one in methods.items()}


def test_every_route_is_documented_with_a_tag_a_summary_and_a_key(document: dict[str, Any]) -> None:
    found = operations(document)

    assert found
    assert all(one["tags"] and one["summary"] and one["description"] for one in found.values())
    assert all(one["security"] == [{"bearer": []}, {"header": []}] for one in found.values())


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    schemas = {
        (operation, status): response.get("content")
        for operation, one in operations(document).items()
        for status, response in one["responses"].items()
        if int(status) >= 400
    }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    assert all(content == problem for content in schemas.values())
    assert {status for _, status in schemas} >= {"400", "401", "404", "409", "410", "413", "415", "422", "503"}


def test_streams_and_downloads_tell_what_they_are(document: dict[str, Any]) -> None:
    found = operations(document)
    events = found["get", "/v1/jobs/{job_id}/events"]["responses"]["200"]["content"]
    download = found["get", "/v1/datasets/{dataset_id}/download"]["responses"]["200"]["content"]

    assert events == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/JobEvent"}}}
    assert set(download) == {"application/zip", "application/octet-stream"}


def test_the_job_is_documented_as_a_body(document: dict[str, Any]) -> None:
    body = operations(document)["post", "/v1/jobs"]["requestBody"]

    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobSpec"}


def test_operations_have_readable_names_of_their_own(document: dict[str, Any]) -> None:
    names = [one["operationId"] for one in operations(document).values()]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", name) for name in names)


def test_every_route_with_a_body_tells_how_a_body_is_refused(document: dict[str, Any]) -> None:
    found = {name: set(one["responses"]) for name, one in operations(document).items() if "requestBody" in one}

    assert found
    assert all(statuses >= {"400", "413", "415", "422"} for statuses in found.values())


def test_every_route_with_an_id_tells_that_it_may_not_be_there(document: dict[str, Any]) -> None:
    found = {name: set(one["responses"]) for name, one in operations(document).items() if "_id}" in name[1]}

    assert found
    assert all("404" in statuses for statuses in found.values())


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bodies = {
        one["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for one in operations(document).values()
        if "requestBody" in one
    }

    assert bodies <= set(EXAMPLES)
    assert {name: document["components"]["schemas"][name]["examples"] for name in bodies} == {
        name: [EXAMPLES[name]] for name in bodies
    }


@pytest.mark.parametrize("model", WITH_EXAMPLES)
def test_an_example_can_be_read(model: type[BaseModel]) -> None:
    assert model.model_validate(EXAMPLES[model.__name__])


def test_there_is_no_example_that_nobody_reads() -> None:
    assert set(EXAMPLES) == {model.__name__ for model in WITH_EXAMPLES}
