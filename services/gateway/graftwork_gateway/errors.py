"""Errors of the gateway: what is told to the client as problem details (RFC 9457).

GraftworkError
  x ApiError                    answered with ``status``; ``code`` ends the problem's ``type``
    - MalformedBody             400  the body is not JSON
    - KeyRefused                401  no API key, or one we do not know
    - AdminsOnly                403  a key that is not an admin's, on a route for admins
    - TooManyOpenJobs           403  the tenant has as many jobs under way as it may have
    - NotFound                  404  nothing of that id that belongs to the caller
    - IdempotencyConflict       409  the key was used for another request
    - JobEnded                  409  too late to change the job
    - JobRunning                409  too early: the job has not ended, or is about to go on
    - NoWinner                  409  no workflow won, so none can make more rows
    - NothingToRetry            409  the job succeeded
    - ReviewAnswered            409  somebody has said something else
    - ReviewClosed              409  nobody waits for an answer any more
    - TooManyWebhooks           409  the tenant has as many as it may
    - BudgetExhausted           409  what the job may spend is spent
    - LastAdminKey              409  revoking it would lock everybody out
    - BodyTooLarge              413  longer than ``max_body_bytes``
    - AddressTooLong            414  path and query beyond what any of ours needs
    - MediaTypeRefused          415  a body that does not say it is JSON
    - JobInvalid                422  mistakes in the job, all that can be found at once
    - TooManyRows               422  more rows than a job of this tenant may ask for
    - RateLimited               429  more requests in a minute than the tenant may send
    - HeadersTooLarge           431  beyond what any client of ours sends
    - PreviewTimedOut           504  the preview took too long, and is given up
  x WebhookUnheard              retryable: a webhook's receiver did not answer, or not with a 2xx
  x WebhookRefused              permanent: it wants no more calls, or may not be called

The kit's own become: RetryableError 503 with Retry-After, BlobMissing 410.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import ClassVar

from typing_extensions import override

from graftwork.contracts.rest import ProblemError
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import PermanentError
from graftwork.kit.errors import RetryableError


class ApiError(GraftworkError):
    """Answered to the client as it is."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, errors: Sequence[ProblemError] = ()) -> None:
        super().__init__(detail)
        self.errors = tuple(errors)

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer carries beside the problem."""
        return {}


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

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class AdminsOnly(ApiError):
    """A key that is not an admin's, on a route for admins."""

    code = "admins_only"
    status = 403
    title = "For admins only"


class TooManyOpenJobs(ApiError):
    """The tenant has as many jobs under way as it may have."""

    code = "too_many_open_jobs"
    status = 403
    title = "Too many open jobs"


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


class BudgetExhausted(ApiError):
    """The budget is of the whole job, and nothing of it is left to go on with."""

    code = "budget_exhausted"
    status = 409
    title = "The job's budget is used up"


class LastAdminKey(ApiError):
    """Revoking it would lock everybody out."""

    code = "last_admin_key"
    status = 409
    title = "The last admin key stays"


class JobRunning(ApiError):
    """Too early: the job has not ended, or is about to go on."""

    code = "job_running"
    status = 409
    title = "The job has not ended"


class NoWinner(ApiError):
    """No workflow won, so none can make more rows."""

    code = "no_winner"
    status = 409
    title = "The job has no winning workflow"


class NothingToRetry(ApiError):
    """The job succeeded."""

    code = "nothing_to_retry"
    status = 409
    title = "The job succeeded"


class ReviewAnswered(ApiError):
    """Somebody has said something else."""

    code = "review_answered"
    status = 409
    title = "The review was answered before"


class ReviewClosed(ApiError):
    """Nobody waits for an answer any more."""

    code = "review_closed"
    status = 409
    title = "The review is closed"


class TooManyWebhooks(ApiError):
    """The tenant has as many as it may."""

    code = "too_many_webhooks"
    status = 409
    title = "Too many webhooks"


class BodyTooLarge(ApiError):
    """Longer than ``max_body_bytes``."""

    code = "body_too_large"
    status = 413
    title = "The body is too large"


class AddressTooLong(ApiError):
    """Path and query beyond what any of ours needs."""

    code = "address_too_long"
    status = 414
    title = "The address is too long"


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


class TooManyRows(ApiError):
    """More rows than a job of this tenant may ask for."""

    code = "too_many_rows"
    status = 422
    title = "Too many rows"


class RateLimited(ApiError):
    """More requests in a minute than the tenant may send."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_seconds)}


class HeadersTooLarge(ApiError):
    """Beyond what any client of ours sends."""

    code = "headers_too_large"
    status = 431
    title = "The headers are too large"


class PreviewTimedOut(ApiError):
    """The preview took too long, and is given up."""

    code = "preview_timed_out"
    status = 504
    title = "The preview took too long"


class WebhookUnheard(RetryableError):
    """A webhook's receiver did not answer, or not with a 2xx."""

    code = "webhook_unheard"


class WebhookRefused(PermanentError):
    """A webhook's receiver wants no more calls, or has an address that may not be called."""

    code = "webhook_refused"
