"""Errors of the client.

GraftworkError
  x ClientError
    - Unreachable               no server answers at the URL, or the connection broke for good
    - NotUnderstood             something answers, but not as a Graftwork server does
    - DamagedFile               a downloaded file is not what its digest says
    - NoAddress                 no URL was given, and GRAFTWORK_URL is not set
    - MissingPackage            what was asked for needs a package that is not installed
    - ApiError                  the server answered with a problem (``status``, ``problem``)
      + Invalid                 400, 413-415, 422, 431: the request is wrong; ``problem.errors`` has every mistake
      + Unauthorized            401, 403: no key, a wrong key, or not allowed to this key
      + NotFound                404, 410: nothing of that id
      + Conflict                409: the same Idempotency-Key with another body, or the wrong state
      + TooMany                 429: slow down (``retry_after_seconds``)
      + ServerFailed            5xx: not the client's fault
"""

import os
from http import HTTPStatus

from graftwork.contracts.rest import PROBLEM_TYPE_PREFIX
from graftwork.contracts.rest import Problem
from graftwork.kit.errors import GraftworkError


class ClientError(GraftworkError):
    """Root of the client's errors."""

    code = "client"


class Unreachable(ClientError):
    """No server answers."""

    code = "unreachable"

    def __init__(self, url: str, reason: str) -> None:
        named = os.environ.get("GRAFTWORK_URL", "").rstrip("/") == url.rstrip("/")
        where = f"{url} (from GRAFTWORK_URL: unset it to use another)" if named else url
        super().__init__(f"no Graftwork server answers at {where}: {reason}")
        self.url = url


class NotUnderstood(ClientError):
    """Something answers, but not as a Graftwork server does."""

    code = "not_understood"

    def __init__(self, url: str, text: str) -> None:
        super().__init__(f"{url} does not answer like a Graftwork server: {text[:80].strip()!r}")


class DamagedFile(ClientError):
    """A downloaded file is not what its digest says."""

    code = "damaged_file"


class NoAddress(ClientError):
    """No URL was given."""

    code = "no_server"

    def __init__(self) -> None:
        super().__init__('no server: give its url, or set GRAFTWORK_URL (`eval "$(graftwork env)"` does)')


class MissingPackage(ClientError):
    """What was asked for needs a package that is not installed."""

    code = "missing_package"

    def __init__(self, package: str) -> None:
        super().__init__(f"this needs the package {package}: pip install {package}")
        self.package = package


class ApiError(ClientError):
    """The server answered with a problem."""

    code = "api"

    def __init__(self, problem: Problem, *, retry_after_seconds: float | None = None) -> None:
        said = ": ".join(part for part in (problem.title, problem.detail) if part)
        mistakes = "; ".join(f"{error.path or 'document'}: {error.message}" for error in problem.errors)
        super().__init__(f"{said} ({mistakes})" if mistakes else said)
        self.problem = problem
        self.status = problem.status
        self.retry_after_seconds = retry_after_seconds


class Invalid(ApiError):
    """The request is wrong."""

    code = "invalid"


class Unauthorized(ApiError):
    """No key, a wrong key, or not allowed to this key."""

    code = "unauthorized"


class NotFound(ApiError):
    """Nothing of that id."""

    code = "not_found"


class Conflict(ApiError):
    """The same Idempotency-Key with another body, or the wrong state."""

    code = "conflict"


class TooMany(ApiError):
    """Slow down."""

    code = "too_many"


class ServerFailed(ApiError):
    """Not the client's fault."""

    code = "server_failed"


_BY_STATUS: dict[int, type[ApiError]] = {
    HTTPStatus.BAD_REQUEST: Invalid,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Invalid,
    HTTPStatus.REQUEST_URI_TOO_LONG: Invalid,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Invalid,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Invalid,
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.GONE: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.TOO_MANY_REQUESTS: TooMany,
}


def error_of(problem: Problem, *, retry_after_seconds: float | None = None) -> ApiError:
    """Return the typed error of a problem."""
    fallback = ServerFailed if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError
    return _BY_STATUS.get(problem.status, fallback)(problem, retry_after_seconds=retry_after_seconds)


def problem_of(status: int, text: str) -> Problem:
    """Make a problem of an answer that is none: a proxy's error page, an empty body."""
    return Problem(
        type=f"{PROBLEM_TYPE_PREFIX}unknown",
        title=f"The server answered {status}",
        status=status,
        detail=text[:200].strip(),
    )
