"""Every error becomes problem details (RFC 9457): FastAPI's and Starlette's too, and never a trace."""

import math
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from obstore.exceptions import BaseError as BlobStoreError
from pymongo.errors import ConnectionFailure
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.requests import Request
from starlette.responses import Response

from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import PROBLEM_TYPE_PREFIX
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import RetryableError
from graftwork.kit.logging import get_logger
from graftwork_gateway.errors import ApiError
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.leaving import STATUS as CLIENT_LEFT

log = get_logger(__name__)
MAX_ERRORS = 100
_RETRY_SECONDS = 5.0
_VALUE_ERROR = "Value error, "
_READABLE = {"extra_forbidden": "unknown key", "missing": "is needed"}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that carries a problem."""
    body = problem.model_dump_json(exclude_defaults=False)
    return Response(body, problem.status, headers, media_type=PROBLEM_MEDIA_TYPE)


def problem_of(error: ApiError, path: str) -> Problem:
    """Problem that one of our own errors is told as."""
    return Problem(
        type=PROBLEM_TYPE_PREFIX + error.code,
        title=error.title,
        status=error.status,
        detail=str(error),
        instance=path,
        errors=error.errors[:MAX_ERRORS],
    )


def api_error_response(error: ApiError, path: str) -> Response:
    """The answer to one of our own errors."""
    return problem_response(problem_of(error, path), error.headers)


def invalid(errors: Sequence[Mapping[str, Any]]) -> JobInvalid:
    """What pydantic found, told by path; the values themselves are not repeated."""
    count = len(errors)
    detail = "1 mistake" if count == 1 else f"{count} mistakes"
    shown = f", the first {MAX_ERRORS} of them below" if count > MAX_ERRORS else ""
    return JobInvalid(detail + shown, [_mistake(error) for error in errors[:MAX_ERRORS]])


def _mistake(error: Mapping[str, Any]) -> ProblemError:
    message = _READABLE.get(error["type"]) or str(error["msg"]).removeprefix(_VALUE_ERROR)
    return ProblemError(path=_path(error["loc"]), message=message)


def _path(location: Iterable[Any]) -> str:
    """``("body", "search", "iterations")`` -> ``search.iterations``; other places keep their name."""
    parts = [str(part) for part in location]
    return ".".join(parts[1:] if parts[:1] == ["body"] else parts)


def install(app: FastAPI) -> None:
    """Register the handlers of all errors."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RetryableError, _on_retryable)
    app.add_exception_handler(BlobMissing, _on_blob_missing)
    app.add_exception_handler(ConnectionFailure, _on_dependency_down)
    app.add_exception_handler(BlobStoreError, _on_dependency_down)
    app.add_exception_handler(ClientDisconnect, _on_client_left)
    app.add_exception_handler(Exception, _on_crash)


def _plain(request: Request, status: int, detail: str, code: str | None = None) -> Problem:
    phrase = HTTPStatus(status).phrase
    return Problem(
        type=PROBLEM_TYPE_PREFIX + (code or phrase.lower().replace(" ", "_").replace("-", "_")),
        title=phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
    )


async def _on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - as registered
    return api_error_response(error, request.url.path)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered
    return api_error_response(invalid(error.errors()), request.url.path)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as registered
    return problem_response(_plain(request, error.status_code, error.detail), error.headers)


async def _on_retryable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RetryableError)  # noqa: S101 - as registered
    return _later(request, str(error), error.code, error.retry_after_seconds)


async def _on_dependency_down(request: Request, error: Exception) -> Response:
    log.warning("dependency.down", error=f"{type(error).__name__}: {error}", path=request.url.path)
    return _later(request, "a server behind the gateway does not answer", "dependency_down", None)


def _later(request: Request, detail: str, code: str, after_seconds: float | None) -> Response:
    problem = _plain(request, HTTPStatus.SERVICE_UNAVAILABLE, detail, code)
    return problem_response(problem, {"Retry-After": str(math.ceil(after_seconds or _RETRY_SECONDS))})


async def _on_blob_missing(request: Request, error: Exception) -> Response:
    return problem_response(_plain(request, HTTPStatus.GONE, str(error), BlobMissing.code))


async def _on_client_left(request: Request, _error: Exception) -> Response:
    log.info("client.left", path=request.url.path)
    return Response(status_code=CLIENT_LEFT)


async def _on_crash(request: Request, error: Exception) -> Response:
    log.error("request.crashed", path=request.url.path, exc_info=error)
    detail = "the gateway made a mistake; it is in its log"
    return problem_response(_plain(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail, "internal"))
