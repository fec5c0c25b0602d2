from pathlib import Path
from typing import Any

import pytest

from graftwork_gateway.app import create_app
from graftwork_gateway.bootstrap import open_door
from graftwork_gateway.settings import GatewaySettings
from tests.support.doors import a_plane


@pytest.fixture
async def document(tmp_path: Path) -> dict[str, Any]:
    door = open_door(GatewaySettings(blobs=tmp_path.as_uri()), a_plane())
    try:
        app = create_app(door)
        assert app.openapi() == app.openapi()
        return app.openapi()
    finally:
        await door.ledger.close()


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): one for path, methods in document["paths"].items() for method, one in methods.items()}


async def test_every_route_is_documented_with_a_tag_a_summary_and_a_key(document: dict[str, Any]) -> None:
    found = operations(document)

    assert found
    assert all(one["tags"] and one["summary"] and one["description"] for one in found.values())
    assert all(one["security"] == [{"bearer": []}, {"header": []}] for one in found.values())


async def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    schemas = {
        (operation, status): response.get("content")
        for operation, one in operations(document).items()
        for status, response in one["responses"].items()
        if int(status) >= 400
    }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

    assert all(content == problem for content in schemas.values())
    assert {status for _, status in schemas} >= {"400", "401", "404", "409", "410", "413", "415", "422", "503"}


async def test_streams_and_downloads_tell_what_they_are(document: dict[str, Any]) -> None:
    found = operations(document)
    events = found["get", "/v1/jobs/{job_id}/events"]["responses"]["200"]["content"]
    download = found["get", "/v1/datasets/{dataset_id}/download"]["responses"]["200"]["content"]

    assert events == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/JobEvent"}}}
    assert set(download) == {"application/zip", "application/octet-stream"}


async def test_the_job_is_documented_as_a_body(document: dict[str, Any]) -> None:
    body = operations(document)["post", "/v1/jobs"]["requestBody"]

    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobSpec"}
