from collections.abc import Callable

import httpx
import obstore.exceptions
import pytest
from fastapi import FastAPI
from pymongo.errors import ServerSelectionTimeoutError

from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import Overloaded
from graftwork_gateway import errors
from graftwork_gateway import problems
from graftwork_gateway.problems import invalid


async def answer_to(error: Exception) -> httpx.Response:
    app = FastAPI()
    problems.install(app)

    @app.get("/here")
    async def here() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.get("/here")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.MalformedBody("why"), 400, "malformed_body"),
        (errors.KeyRefused("why"), 401, "key_refused"),
        (errors.NotFound("why"), 404, "not_found"),
        (errors.IdempotencyConflict("why"), 409, "idempotency_conflict"),
        (errors.JobEnded("why"), 409, "job_ended"),
        (BlobMissing("why"), 410, "blob_missing"),
        (errors.BodyTooLarge("why"), 413, "body_too_large"),
        (errors.MediaTypeRefused("why"), 415, "media_type_refused"),
        (errors.JobInvalid("why"), 422, "invalid_request"),
        (DependencyDown("why"), 503, "dependency_down"),
        (Overloaded("why"), 503, "overloaded"),
    ],
)
async def test_our_errors_are_told_as_they_are(error: Exception, status: int, code: str) -> None:
    answer = await answer_to(error)
    problem = Problem.model_validate_json(answer.content)

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem.status, problem.code) == (status, status, code)
    assert (problem.detail, problem.instance) == ("why", "/here")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ServerSelectionTimeoutError("mongo-1.internal: refused"), 503, "dependency_down"),
        (obstore.exceptions.GenericError("s3.internal: refused"), 503, "dependency_down"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
async def test_what_others_raise_is_told_without_their_words(error: Exception, status: int, code: str) -> None:
    answer = await answer_to(error)
    problem = Problem.model_validate_json(answer.content)

    assert (problem.status, problem.code) == (status, code)
    assert str(error) not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(("seconds", "header"), [(None, "5"), (0.2, "1"), (7.0, "7")])
async def test_a_passing_failure_tells_when_to_come_back(seconds: float | None, header: str) -> None:
    answer = await answer_to(Overloaded("full", retry_after_seconds=seconds))

    assert answer.headers["retry-after"] == header


def test_mistakes_are_told_by_path_and_without_the_value() -> None:
    found = invalid(
        [
            {"type": "missing", "loc": ("body", "count"), "msg": "Field required", "input": "secret"},
            {"type": "value_error", "loc": ("body", "facets", "topic", 0), "msg": "Value error, too few", "input": 1},
            {"type": "extra_forbidden", "loc": ("body", "x"), "msg": "Extra inputs are not permitted", "input": 1},
            {"type": "less_than_equal", "loc": ("query", "limit"), "msg": "Input should be less", "input": 1},
        ]
    )

    assert found.errors == (
        ProblemError(path="count", message="is needed"),
        ProblemError(path="facets.topic.0", message="too few"),
        ProblemError(path="x", message="unknown key"),
        ProblemError(path="query.limit", message="Input should be less"),
    )
    assert str(found) == "4 mistakes"


def test_the_tree_in_the_docstring_names_every_error() -> None:
    classes = errors.ApiError.__subclasses__()
    documented: Callable[[str], bool] = (errors.__doc__ or "").__contains__

    assert [kind.__name__ for kind in classes if not documented(f"- {kind.__name__} ")] == []
