"""Errors of the gateway: what is told to the client as problem details (RFC 9457).

GraftworkError
  x ApiError                    answered with ``status``; ``code`` ends the problem's ``type``
    - MalformedBody             400  the body is not JSON
    - KeyRefused                401  no API key, or one we do not know
    - NotFound                  404  nothing of that id that belongs to the caller
    - IdempotencyConflict       409  the key was used for another request
    - JobEnded                  409  too late to change the job
    - BodyTooLarge              413  longer than ``max_body_bytes``
    - MediaTypeRefused          415  a body that does not say it is JSON
    - JobInvalid                422  mistakes in the job, all that can be found at once

The kit's own become: RetryableError 503 with Retry-After, BlobMissing 410.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import ClassVar

from graftwork.contracts.rest import ProblemError
from graftwork.kit.errors import GraftworkError


class ApiError(GraftworkError):
    """Answered to the client as it is."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str, errors: Sequence[ProblemError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)


class MalformedBody(ApiError):
    """The body is not JSON."""

    code = "malformed_body"
    status = 400
    title = "The body is not JSON"


class KeyRefused(ApiError):
    """No API key, or one we do not know."""

    code = "key_refused"
    status = 401
    title = "API key refused"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class NotFound(ApiError):
    """Nothing of that id that belongs to the caller; whether it belongs to another is not told."""

    code = "not_found"
    status = 404
    title = "Not found"


class IdempotencyConflict(ApiError):
    """The key was used for another request."""

    code = "idempotency_conflict"
    status = 409
    title = "Idempotency-Key used for another request"


class JobEnded(ApiError):
    """Too late to change the job."""

    code = "job_ended"
    status = 409
    title = "The job has ended"


class BodyTooLarge(ApiError):
    """Longer than ``max_body_bytes``."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"


class MediaTypeRefused(ApiError):
    """A body that does not say it is JSON."""

    code = "media_type_refused"
    status = 415
    title = "Content-Type is not application/json"


class JobInvalid(ApiError):
    """Mistakes in the job, all that can be found at once."""

    code = "invalid_request"
    status = 422
    title = "The request is not valid"
