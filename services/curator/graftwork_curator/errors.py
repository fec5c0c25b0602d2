"""Errors of the curator, on the kit's tree.

GraftworkError
  x RetryableError
    - RoundConflict             another acceptance of this job was committed meanwhile
  x PermanentError
    - UnusableSchema            the job's output schema cannot be applied to any record
    - NothingToPublish          no row was accepted, and an empty dataset cannot be loaded
"""

from graftwork.kit.errors import PermanentError
from graftwork.kit.errors import RetryableError


class RoundConflict(RetryableError):
    """Another acceptance of this job was committed meanwhile; what it took has to be looked at first."""

    code = "round_conflict"


class UnusableSchema(PermanentError):
    """The job's output schema cannot be applied to any record, e.g. a ``$ref`` that leads nowhere."""

    code = "unusable_schema"


class NothingToPublish(PermanentError):
    """No row was accepted. A dataset without rows has no use, and many loaders refuse it."""

    code = "nothing_to_publish"
