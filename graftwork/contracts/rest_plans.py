"""What a job would take, told before it is submitted; previews and continuations."""

from collections.abc import Mapping

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.base import Written
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow


class Estimated(Contract):
    """An expectation, and a bound where there is one. ``cost_usd`` None: a price is unknown."""

    calls: int = Field(ge=0)
    tokens: int = Field(ge=0)
    cost_usd: float | None = None


class Estimate(Contract):
    """What a job is expected to use if the search runs all its iterations, and the most it can use at all.

    ``at_most`` is the budget where that is lower. Each map sums to ``expected``.
    """

    expected: Estimated
    at_most: Estimated | None = Field(default=None, description="None: nothing bounds it")
    by_purpose: Mapping[str, Estimated] = Field(default_factory=dict)
    by_role: Mapping[str, Estimated] = Field(default_factory=dict)
    assumptions: tuple[str, ...] = Field(default=(), description="what the numbers rest on, one readable line each")


class ValidationView(Contract):
    """Answer of ``POST /v1/jobs:validate``: the job is valid (mistakes are a problem instead)."""

    valid: bool = True
    estimate: Estimate
    warnings: tuple[str, ...] = ()


class PreviewView(Contract):
    """Answer of ``POST /v1/jobs:preview``: rows of the first workflow, kept nowhere."""

    workflow: Workflow | None
    samples: tuple[SampleRow, ...]
    spent: SpendReport
    problem: str | None = Field(default=None, description="why there is no good sample, where there is none")


class ExtensionRequest(Written):
    """Body of ``POST /v1/jobs/{id}/extend``: more accepted rows from the winning workflow."""

    rows: int = Field(ge=1, le=MAX_COUNT)
