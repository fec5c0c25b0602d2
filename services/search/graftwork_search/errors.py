"""Errors and reasons of the search service.

PermanentError
  - UnknownJob          an event names a job this ledger has never seen

A job that ends badly carries a reason, not an exception: see ``Reason``.
"""

from enum import StrEnum

from graftwork.kit.errors import PermanentError


class UnknownJob(PermanentError):
    """An event names a job this ledger has never seen."""

    code = "unknown_job"


class Reason(StrEnum):
    """Why a job ended as it did. Clients may rely on these names."""

    COMPLETED = "completed"
    PREVIEWED = "previewed"
    CANCELLED = "cancelled"
    INVALID_SPEC = "invalid_spec"
    NO_SEEDS = "no_seeds"
    NO_WORKFLOW = "no_workflow"
    NO_RUNNABLE_WORKFLOW = "no_runnable_workflow"
    SCORING_FAILED = "scoring_failed"
    BUDGET_EXHAUSTED = "budget_exhausted"
    PRODUCTION_FAILED = "production_failed"
    CURATION_FAILED = "curation_failed"
