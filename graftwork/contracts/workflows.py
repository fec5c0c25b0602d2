"""Workflows, the samples they make, and what judges say of both (AutoSynth, arXiv:2511.09488)."""

import ast
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from statistics import fmean
from typing import Annotated
from typing import Any

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.ids import digest

Score = Annotated[int, Field(ge=1, le=5)]
MINIMUM_SCORE = 1.0
MAXIMUM_SCORE = 5.0


class Workflow(Contract):
    """``prompts`` (name -> template) and ``code`` (one module with ``async def workflow(ctx, seed)``)."""

    prompts: Mapping[str, str]
    code: str

    @cached_property
    def sha256(self) -> str:
        """Identity of the exact text."""
        return digest({"prompts": dict(self.prompts), "code": self.code})

    @cached_property
    def shape_sha256(self) -> str:
        """Identity that ignores comments, blank lines and formatting of the code."""
        try:
            code = ast.dump(ast.parse(self.code))
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two of code nested too deeply
            code = self.code
        return digest({"prompts": {k: " ".join(v.split()) for k, v in self.prompts.items()}, "code": code})


class FailureReason(StrEnum):
    """Why a candidate is not a sample. Readers accept reasons they do not know."""

    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    LIMIT_EXCEEDED = "limit_exceeded"
    INVALID_OUTPUT = "invalid_output"
    CANNED_OUTPUT = "canned_output"
    COPIED_OUTPUT = "copied_output"
    APPEALS_TO_JUDGE = "appeals_to_judge"
    MODEL_ERROR = "model_error"
    GRANT_EXHAUSTED = "grant_exhausted"


CHEATS = frozenset({FailureReason.CANNED_OUTPUT, FailureReason.COPIED_OUTPUT, FailureReason.APPEALS_TO_JUDGE})
"""Reasons that speak of dishonesty, and not of a mistake."""


class SampleRow(Contract):
    """One line of a samples blob: a candidate made from one seed, good or failed.

    ``output`` is set for good samples only and fits the job's output schema. ``calls`` counts model
    calls made for it.
    """

    sample_id: str
    seed_index: int = Field(ge=0)
    seed: Mapping[str, Any]
    output: Mapping[str, Any] | None = None
    reason: str | None = None
    detail: str | None = None
    calls: int = Field(default=0, ge=0)

    @property
    def ok(self) -> bool:
        """Whether the candidate became a sample."""
        return self.output is not None


class Metric(Contract):
    """One criterion, with an exemplar that meets it and one that does not."""

    name: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    positive_exemplar: str
    negative_exemplar: str


class MetricSet(Contract):
    """The metrics of one evaluation, regenerated every iteration."""

    metrics: tuple[Metric, ...] = Field(min_length=1)


class Judgement(Contract):
    """One cell of the score matrix: sample x metric."""

    score: Score
    justification: str


class SampleScores(Contract):
    """One row of the score matrix: what the evaluator said of one sample, by metric name."""

    sample_id: str
    seed_index: int
    judgements: Mapping[str, Judgement]
    failed: bool = False


class CodeQuality(Contract):
    """Introspective sub-scores of the code, each 1-5."""

    clarity: Score
    efficiency: Score
    robustness: Score


class PromptQuality(Contract):
    """Introspective sub-scores of the prompts, each 1-5."""

    clarity: Score
    specificity: Score
    effectiveness: Score


class WorkflowScores(Contract):
    """The optimizer's judgement of its own workflow; the paper gives six sub-scores and no scale."""

    code: CodeQuality
    prompt: PromptQuality
    notes: str

    @property
    def score(self) -> float:
        """Mean of Q_code and Q_prompt, 1-5."""
        code = fmean([self.code.clarity, self.code.efficiency, self.code.robustness])
        prompt = fmean([self.prompt.clarity, self.prompt.specificity, self.prompt.effectiveness])
        return (code + prompt) / 2


class Experience(Contract):
    """What one modification did; handed to all ancestors of the node it made."""

    node_id: str
    parent_id: str
    modification: str
    before: float
    after: float
    feedback: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the reward rose."""
        return self.after > self.before
