"""Payloads of search's own tasks."""

from typing import ClassVar

from typing_extensions import override

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.ids import derived_id
from graftwork.kit.tasks import TaskPayload


class OpenJob(TaskPayload):
    """Read the spec of a new job and begin."""

    reports_failure: ClassVar[bool] = False

    spec: BlobRef


class RequestDeadline(TaskPayload):
    """A request's deadline has passed: if it is still open, its worker is silent."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False


class WallClock(TaskPayload):
    """The job's time, or the search's half of it, is up, unless its clock was started again since ``start``."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False

    search_only: bool
    start: int = 1

    @property
    @override
    def task_id(self) -> str:
        return derived_id(self.kind, self.job_id, "search" if self.search_only else "job", self.start)


class ReviewExpiry(TaskPayload):
    """The time to answer a review (``request_id``) is up."""

    survives_stop: ClassVar[bool] = True
    reports_failure: ClassVar[bool] = False
