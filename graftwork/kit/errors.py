"""Errors of the kit; every service's own errors grow on this tree.

GraftworkError
  x RetryableError            the same work may succeed later (``retry_after_seconds``)
    - DependencyDown            a server we need does not answer
    - Overloaded                a pool or endpoint asked us to slow down
    - MigrationUnderWay         another process migrates the ledger, for longer than we wait
  x PermanentError            trying again gives the same answer
    - DeadlineExceeded          the time the request was given is over
    - WorkerKilled              the task took its worker's process down, again and again
    - GrantExhausted            the next model call would overdraw the request's grant
    - InvalidAnswer             an LLM answer stayed invalid after its repairs
    - UnknownPool               no pool of that name, or no such model in it
    - ModelRefused              the endpoint rejected the call (context too long, bad schema, bad key)
    - MalformedEvent            a record that no handler can read
    - BlobMissing               a referenced payload is not there or is not what its digest says
    - TooLargeToCheck           checking a record against its schema would take too much work
    - UnusablePattern           a pattern of the job's schema is no regular expression of JSON schema
    - NotText                   a payload holds half a character and cannot be written
    - AddressUnusable           what is to be the address of a server is none
    - CertificateUnusable       a file of certificates or keys is not there, or is not what it should be
    - ServerRefuses             a server will not have us, or we will not trust it
    - LedgerNewer               a later release has migrated this ledger, and ours is too old for it
    - IndexConflict             an index of the ledger is not as this release wants it
    - MigrationFailed           a migration of the ledger did not come to its end
  x PortTaken                 another process listens on the port we were told to use
  x LeaseLost                 another worker owns this task now; whatever was done here is discarded
  x JobStopped                the job was stopped; running work ends here

The raiser classifies; the loops only obey. ``code`` is stable and travels in ``work.failed``.
"""

from typing import ClassVar


class GraftworkError(Exception):
    """Root of all errors raised on purpose."""

    code: ClassVar[str] = "internal"


class RetryableError(GraftworkError):
    """The same work may succeed later."""

    code = "retryable"

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class DependencyDown(RetryableError):
    """A server we need does not answer."""

    code = "dependency_down"


class Overloaded(RetryableError):
    """A pool or endpoint asked us to slow down."""

    code = "overloaded"


class MigrationUnderWay(RetryableError):
    """Another process migrates the ledger, for longer than we wait."""

    code = "migration_under_way"


class PermanentError(GraftworkError):
    """Trying again gives the same answer."""

    code = "permanent"


class DeadlineExceeded(PermanentError):
    """The time the request was given is over."""

    code = "deadline_exceeded"


class WorkerKilled(PermanentError):
    """The task took its worker's process down, again and again."""

    code = "worker_killed"


class GrantExhausted(PermanentError):
    """The next model call would overdraw the request's grant."""

    code = "grant_exhausted"


class InvalidAnswer(PermanentError):
    """An LLM answer stayed invalid after its repairs."""

    code = "invalid_answer"


class UnknownPool(PermanentError):
    """No pool of that name, or no such model in it."""

    code = "unknown_pool"


class ModelRefused(PermanentError):
    """The endpoint rejected the call: context too long, schema it cannot compile, bad key."""

    code = "model_refused"


class MalformedEvent(PermanentError):
    """A record that no handler can read."""

    code = "malformed_event"


class TooLargeToCheck(PermanentError):
    """Checking a record against its schema would take too much work."""

    code = "too_large_to_check"


class UnusablePattern(PermanentError):
    """A pattern of the job's schema is no regular expression of JSON schema (ECMA 262)."""

    code = "unusable_pattern"


class BlobMissing(PermanentError):
    """A referenced payload is not there, or is not what its digest says."""

    code = "blob_missing"


class NotText(PermanentError):
    """A payload holds half a character (a lone surrogate) and cannot be written."""

    code = "not_text"


class AddressUnusable(PermanentError):
    """What is to be the address of a server is none. Quoted nowhere: there may be a password in it."""

    code = "address_unusable"


class CertificateUnusable(PermanentError):
    """A file of certificates or keys is not there, or is not what it should be."""

    code = "certificate_unusable"


class ServerRefuses(PermanentError):
    """A server will not have us, or we will not trust it: what an operator mends in the settings."""

    code = "server_refuses"


class LedgerNewer(PermanentError):
    """A later release has taken away from this ledger what ours reads or writes."""

    code = "ledger_newer"


class IndexConflict(PermanentError):
    """An index of the ledger is not as this release wants it, in more than its expiry."""

    code = "index_conflict"


class MigrationFailed(PermanentError):
    """A migration of the ledger did not come to its end."""

    code = "migration_failed"


class PortTaken(GraftworkError):
    """Another process listens on the port we were told to use."""

    code = "port_taken"


class LeaseLost(GraftworkError):
    """Another worker owns this task now; whatever was done here is discarded."""

    code = "lease_lost"


class JobStopped(GraftworkError):
    """The job was stopped; running work ends here."""

    code = "job_stopped"
