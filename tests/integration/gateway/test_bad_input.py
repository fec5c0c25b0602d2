"""Every bad request gets a typed, readable problem, and leaves nothing behind."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from graftwork.contracts.rest import Problem
from tests.support.doors import MAX_BODY_BYTES
from tests.support.doors import SPEC
from tests.support.doors import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.instance == answer.request.url.path
    assert "Traceback" not in answer.text
    return problem


async def refused(gateway: Gateway, **more: Any) -> dict[str, str]:
    """Path -> message, of a job that is refused; nothing of it is kept."""
    problem = problem_of(await gateway.http.post("/v1/jobs", json={**SPEC, **more}))
    assert (problem.status, problem.code) == (422, "invalid_request")
    assert (await gateway.http.get("/v1/jobs")).json()["items"] == []
    return {error.path: error.message for error in problem.errors}


async def test_all_mistakes_are_told_at_once_by_path(gateway: Gateway) -> None:
    mistakes = await refused(
        gateway, count=0, name="No Good", serach={}, search={"iterations": 1000, "initial": {"stater": "qa"}}
    )

    assert set(mistakes) == {"count", "name", "serach", "search.iterations", "search.initial.stater"}
    assert mistakes["serach"] == "unknown key"
    assert "200" in mistakes["search.iterations"]


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ({"candidates": 2}, "budget.candidates (2) is below count (3)"),
        ({"calls": 1}, "budget.calls (1) cannot make 3 rows: each costs a call at least"),
    ],
)
async def test_an_impossible_budget_is_refused(gateway: Gateway, budget: dict[str, int], says: str) -> None:
    assert await refused(gateway, budget=budget) == {"": says}


async def test_a_pool_or_model_that_is_not_there_is_refused_by_role(gateway: Gateway) -> None:
    models = {
        "optimizer": {"pool": "nowhere"},
        "evaluator": {"pool": "evaluator", "model": "huge"},
        "embedder": {"pool": "nowhere"},
    }
    mistakes = await refused(gateway, models=models)

    assert set(mistakes) == {"models.optimizer.pool", "models.evaluator.model", "models.embedder.pool"}
    assert "nowhere" in mistakes["models.optimizer.pool"]
    assert mistakes["models.evaluator.model"] == "pool 'evaluator' does not serve 'huge'; it serves: fake"


async def test_a_money_budget_with_an_unknown_price_is_refused(gateway: Gateway) -> None:
    priced = {"pool": "priced"}
    dear = {"optimizer": priced, "evaluator": priced, "generator": priced}
    mistakes = await refused(gateway, budget={"cost_usd": 5}, models={**dear, "generator": {"pool": "generator"}})
    taken = await gateway.http.post("/v1/jobs", json={**SPEC, "budget": {"cost_usd": 5}, "models": dear})

    assert set(mistakes) == {"budget.cost_usd"}
    assert "'fake' (pool 'generator') is unknown" in mistakes["budget.cost_usd"]
    assert taken.status_code == 202


async def test_a_pool_with_a_small_model_is_not_asked_for_workflows_and_seeds(gateway: Gateway) -> None:
    models = {"optimizer": {"pool": "tiny"}}
    given = {"search": {"scope": "prompts", "initial": {"starter": "qa"}}, "facets": {"topic": ["halves", "thirds"]}}
    mistakes = await refused(gateway, models=models)
    taken = await gateway.http.post("/v1/jobs", json={**SPEC, "models": models, **given})

    assert set(mistakes) == {"search.initial", "facets"}
    assert taken.status_code == 202


async def test_a_pool_that_does_not_answer_makes_the_client_come_back(gateway: Gateway) -> None:
    answer = await gateway.http.post("/v1/jobs", json={**SPEC, "models": {"evaluator": {"pool": "down"}}})
    problem = problem_of(answer)

    assert (problem.status, problem.code) == (503, "dependency_down")
    assert problem.detail == "pool 'down' does not answer"
    assert answer.headers["retry-after"] == "3"
    assert (await gateway.http.get("/v1/jobs")).json()["items"] == []


async def test_a_stored_answer_needs_no_pools(gateway: Gateway) -> None:
    spec = {**SPEC, "models": {"evaluator": {"pool": "evaluator"}}}
    headers = {"Idempotency-Key": "k"}
    first = await gateway.http.post("/v1/jobs", json=spec, headers=headers)
    conflict = await gateway.http.post(
        "/v1/jobs", json={**SPEC, "models": {"evaluator": {"pool": "down"}}}, headers=headers
    )

    assert first.status_code == 202
    assert problem_of(conflict).code == "idempotency_conflict"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "EOF while parsing"),
        (b"task: not json", "expected ident at line 1"),
        (b'{"count": NaN}', "line 1 column 11"),
        (b'{"task": "\\ud800"}', "hex escape"),
        (b"\xff\xfe", "line 1"),
        (b"[" * 10_000, "recursion limit"),
    ],
)
async def test_a_body_that_is_not_json_is_told_where(gateway: Gateway, body: bytes, says: str) -> None:
    problem = problem_of(await gateway.http.post("/v1/jobs", content=body, headers=JSON))

    assert (problem.status, problem.code) == (400, "malformed_body")
    assert says in problem.detail


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"3"])
async def test_json_that_is_no_job_is_refused(gateway: Gateway, body: bytes) -> None:
    problem = problem_of(await gateway.http.post("/v1/jobs", content=body, headers=JSON))

    assert problem.status == 422
    assert [error.path for error in problem.errors] == [""]


async def test_an_empty_body_is_refused(gateway: Gateway) -> None:
    problem = problem_of(await gateway.http.post("/v1/jobs"))

    assert [(error.path, error.message) for error in problem.errors] == [("", "is needed")]


@pytest.mark.parametrize("content_type", ["text/plain", "application/yaml", None])
async def test_a_body_that_does_not_say_it_is_json_is_refused(gateway: Gateway, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await gateway.http.post("/v1/jobs", content=json.dumps(SPEC).encode(), headers=headers)

    assert (answer.status_code, problem_of(answer).code) == (415, "media_type_refused")


async def test_many_mistakes_are_cut_short(gateway: Gateway) -> None:
    problem = problem_of(await gateway.http.post("/v1/jobs", json={**SPEC, **{f"k{n}": 1 for n in range(500)}}))

    assert len(problem.errors) == 100
    assert problem.detail == "500 mistakes, the first 100 of them below"


async def test_a_body_that_announces_too_much_is_refused(gateway: Gateway) -> None:
    answer = await gateway.http.post("/v1/jobs", content=b" " * (MAX_BODY_BYTES + 1), headers=JSON)
    problem = problem_of(answer)

    assert (problem.status, problem.code) == (413, "body_too_large")
    assert str(MAX_BODY_BYTES) in problem.detail


async def test_a_body_that_does_not_tell_its_length_is_refused_once_it_is_too_long(gateway: Gateway) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    problem = problem_of(await gateway.http.post("/v1/jobs", content=chunks(), headers=JSON))

    assert (problem.status, problem.code) == (413, "body_too_large")


async def test_either_header_carries_the_key(gateway: Gateway) -> None:
    key = gateway.http.headers["authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(base_url=gateway.http.base_url) as client:
        answers = [
            await client.get("/v1/jobs", headers=headers)
            for headers in ({"Authorization": f"bearer {key}"}, {"X-API-Key": key})
        ]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/jobs/", 404),
        ("DELETE", "/v1/jobs", 405),
        ("GET", "/docs", 404),
    ],
)
async def test_what_is_no_route_is_told_as_a_problem(gateway: Gateway, method: str, path: str, status: int) -> None:
    assert problem_of(await gateway.http.request(method, path)).status == status


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/v1/jobs?limit=0", "query.limit"),
        ("/v1/jobs?limit=101", "query.limit"),
        ("/v1/jobs?limit=x", "query.limit"),
        ("/v1/jobs?cursor=x", "query.cursor"),
        ("/v1/jobs?cursor=%C3%A4", "query.cursor"),
        ("/v1/datasets?cursor=e30", "query.cursor"),
    ],
)
async def test_a_wrong_parameter_is_told_by_its_name(gateway: Gateway, path: str, wrong: str) -> None:
    problem = problem_of(await gateway.http.get(path))

    assert problem.status == 422
    assert [error.path for error in problem.errors] == [wrong]


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_an_idempotency_key_has_bounds(gateway: Gateway, key: str) -> None:
    problem = problem_of(await gateway.http.post("/v1/jobs", json=SPEC, headers={"Idempotency-Key": key}))

    assert [error.path for error in problem.errors] == ["header.Idempotency-Key"]


async def test_answers_are_not_stored_nor_shared_with_other_origins(gateway: Gateway) -> None:
    answers = [
        await gateway.http.get("/v1/jobs", headers={"Origin": "http://elsewhere.example"}),
        await gateway.http.options(
            "/v1/jobs", headers={"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
        ),
    ]

    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]
