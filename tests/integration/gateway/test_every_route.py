"""Every route of the API's document x everything that can be wrong with a request."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.api import JSON
from tests.support.api import Operation
from tests.support.api import operations
from tests.support.api import problem_of
from tests.support.belongings import as_an_admin
from tests.support.doors import MAX_BODY_BYTES
from tests.support.doors import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS = operations()
WITH_BODY = [one for one in OPERATIONS if one.takes_body]
WITH_IDS = [one for one in OPERATIONS if one.ids]
NOWHERE = dict.fromkeys({name for one in OPERATIONS for name in one.ids}, "nowhere")
HOSTILE = ["../x", "a/b", "\x00", "$gt", "{}", "é", "\ud7ff", "'", "x" * 2_000, "job_id[$ne]", "%", "\n", " "]

NO_KEY = [
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer gw_wrong"},
    {"Authorization": "Basic Z3c6Z3c="},
    {"X-API-Key": "gw_wrong"},
]
NO_FIT: list[Any] = [None, 3, "text", [], {"unheard_of": 1}]
NOT_JSON = [b"{", b"task: no", b'{"a": NaN}', b'"\\ud800"', b"\xff", b"[" * 10_000]


def named(operation: Operation) -> str:
    return operation.name


every_route = pytest.mark.parametrize("operation", OPERATIONS, ids=named)
every_route_with_body = pytest.mark.parametrize("operation", WITH_BODY, ids=named)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(shared_gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key for every route; nothing that is asked here leaves anything behind."""
    async with as_an_admin(shared_gateway) as admin:
        yield admin.http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(shared_gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=shared_gateway.http.base_url) as client:
        yield client


def refused(operation: Operation, answer: httpx.Response, status: int, code: str) -> None:
    operation.check(answer)
    assert (answer.status_code, problem_of(answer).code) == (status, code), answer.text


@every_route
async def test_without_a_key_that_is_known_nothing_is_answered(
    stranger: httpx.AsyncClient, operation: Operation
) -> None:
    for headers in NO_KEY:
        answer = await operation.send(stranger, NOWHERE, headers=headers)

        refused(operation, answer, 401, "key_refused")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("operation", WITH_IDS, ids=named)
async def test_what_is_not_there_is_not_found(http: httpx.AsyncClient, operation: Operation) -> None:
    refused(operation, await operation.send(http, NOWHERE), 404, "not_found")


@pytest.mark.parametrize("operation", WITH_IDS, ids=named)
async def test_strange_ids_are_not_found_either(http: httpx.AsyncClient, operation: Operation) -> None:
    for strange in HOSTILE:
        answer = await operation.send(http, dict.fromkeys(operation.ids, strange))

        assert answer.status_code in {404, 405, 422}, (strange, answer.text)  # 405: a slash makes another path of it
        assert problem_of(answer).status == answer.status_code


@every_route_with_body
async def test_a_body_that_is_not_json_is_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    for content in NOT_JSON:
        refused(operation, await operation.send(http, NOWHERE, content=content, headers=JSON), 400, "malformed_body")


@every_route_with_body
async def test_a_body_that_does_not_fit_is_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    for body in NO_FIT:
        refused(operation, await operation.send(http, NOWHERE, json=body), 422, "invalid_request")


@every_route_with_body
async def test_a_body_that_does_not_say_it_is_json_is_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    answer = await operation.send(http, NOWHERE, content=b"{}", headers={"Content-Type": "text/plain"})

    refused(operation, answer, 415, "media_type_refused")


@every_route
async def test_a_body_that_announces_too_much_is_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    answer = await operation.send(http, NOWHERE, content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)

    refused(operation, answer, 413, "body_too_large")


@every_route_with_body
async def test_a_body_without_a_length_is_refused_when_it_is_too_long(
    http: httpx.AsyncClient, operation: Operation
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 8_192 + 1):
            yield b" " * 8_192

    refused(operation, await operation.send(http, NOWHERE, content=chunks(), headers=JSON), 413, "body_too_large")


@every_route
async def test_an_address_that_is_too_long_is_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    refused(operation, await operation.send(http, NOWHERE, params={"q": "x" * 5_000}), 414, "address_too_long")


@every_route
async def test_headers_that_are_too_large_are_refused(http: httpx.AsyncClient, operation: Operation) -> None:
    answer = await operation.send(http, NOWHERE, headers={"X-Long": "x" * 13_000})

    refused(operation, answer, 431, "headers_too_large")


@every_route
async def test_a_parameter_that_does_not_fit_is_told_by_its_place_and_name(
    http: httpx.AsyncClient, operation: Operation
) -> None:
    for place, option in (("query", "params"), ("header", "headers")):
        for name, schema in operation.parameters(place).items():
            for value in wrong_values(name, schema):
                answer = await operation.send(http, NOWHERE, **{option: {name: value}})
                told = {error.path for error in problem_of(answer).errors}

                refused(operation, answer, 422, "invalid_request")
                assert f"{place}.{name}" in told, (value, answer.text)


def wrong_values(name: str, schema: dict[str, Any]) -> list[str]:
    """Values of a parameter that cannot be right."""
    kinds = schema.get("anyOf", [schema])
    numbers = ["x", "-1", "9" * 40, ""] if any(kind.get("type") == "integer" for kind in kinds) else []
    choices = ["unheard_of"] if any("$ref" in kind or "enum" in kind for kind in kinds) else []
    longest = [kind["maxLength"] for kind in kinds if "maxLength" in kind]
    cursors = ["x", "%", "e30", "é"] if name == "cursor" else []
    return [*numbers, *choices, *cursors, *("x" * (length + 1) for length in longest)]


@every_route
async def test_a_method_that_a_path_does_not_have_is_told_as_a_problem(
    http: httpx.AsyncClient, operation: Operation
) -> None:
    answer = await http.request("PATCH", operation.url(NOWHERE))

    assert (answer.status_code, problem_of(answer).status) == (405, 405)
