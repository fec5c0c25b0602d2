"""Reviews as the REST API serves them: what a person is asked, and what they answer."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field
from pydantic import model_validator

from graftwork.contracts.base import Contract
from graftwork.contracts.base import Written
from graftwork.contracts.events import Decision
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow

MAX_FEEDBACK_CHARS = 4_000


class ReviewState(StrEnum):
    """Where a review is. ``withdrawn``: the job ended first; ``expired``: its time ran out."""

    OPEN = "open"
    APPROVED = "approved"
    REVISED = "revised"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ReviewAnswer(Written):
    """Body of ``POST /v1/jobs/{id}/reviews/{rid}``: approve, or say shortly what to change."""

    decision: Decision
    feedback: str | None = Field(default=None, min_length=1, max_length=MAX_FEEDBACK_CHARS)

    @model_validator(mode="after")
    def _says_what_to_change(self) -> Self:
        if (self.decision is Decision.REVISE) != (self.feedback is not None):
            msg = "feedback belongs to the decision revise, which needs it"
            raise ValueError(msg)
        return self


class ReviewView(Contract):
    """A review. In a list ``workflow`` and ``samples`` are left out. Links: ``self``, ``job``."""

    id: str
    job_id: str
    job_name: str
    task: str
    state: ReviewState
    round: int
    rounds: int = Field(description="the last one that a person is asked for")
    node_id: str
    samples_ok: int
    workflow: Workflow | None = None
    samples: tuple[SampleRow, ...] = ()
    feedback: str | None = None
    opened_at: datetime
    answered_at: datetime | None = None
    expires_at: datetime | None = Field(default=None, description="None: the job waits for ever")
    links: Mapping[str, str] = Field(default_factory=dict)


class ReviewList(Contract):
    """A page of reviews, newest first."""

    items: tuple[ReviewView, ...]
    next_cursor: str | None = None
