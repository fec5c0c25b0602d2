"""What the search ledger stores: one document per job, node and request. Mutable; written as a whole."""

import math
from collections import Counter
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any
from typing import Self

from pydantic import BaseModel
from pydantic import Field
from pydantic import field_serializer
from pydantic import field_validator

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import MOST_EXPERIENCES
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import OpenReview
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.workflows import Experience
from graftwork_search.budget import Account
from graftwork_search.budget import Side
from graftwork_search.convergence import Stop
from graftwork_search.spending import Spending
from graftwork_search.stopwatch import Stopwatch

JOBS = "jobs"
NODES = "nodes"
REQUESTS = "requests"
CANCELLATIONS = "cancellations"
FORGOTTEN = "forgotten"


class Stage(StrEnum):
    """What a request is for."""

    SEEDS = "seeds"
    WORKFLOW = "workflow"
    EVALUATION = "evaluation"
    SCORE_SAMPLE = "score_sample"
    SCORE_WORKFLOW = "score_workflow"
    FINALIST = "finalist"
    SCORE_FINALIST = "score_finalist"
    PRODUCTION = "production"
    ACCEPTANCE = "acceptance"
    DATASET = "dataset"

    @property
    def purpose(self) -> SpendPurpose:
        """Under which its usage is reported, but for the part of scoring that makes metrics."""
        return _PURPOSES.get(self, SpendPurpose.SEARCH)


_PURPOSES = {
    Stage.SCORE_SAMPLE: SpendPurpose.SCORING,
    Stage.SCORE_WORKFLOW: SpendPurpose.SCORING,
    Stage.SCORE_FINALIST: SpendPurpose.SCORING,
    Stage.PRODUCTION: SpendPurpose.PRODUCTION,
    Stage.ACCEPTANCE: SpendPurpose.PRODUCTION,
    Stage.DATASET: SpendPurpose.PRODUCTION,
}


class LossCode(StrEnum):
    """Why a node ended for reasons that are not its own."""

    OUT_OF_BUDGET = "out_of_budget"
    INTERRUPTED = "interrupted"


class Document(BaseModel):
    """A stored document; ``id`` is Mongo's ``_id``."""

    id: str

    @classmethod
    def load(cls, row: dict[str, Any]) -> Self:
        """Row -> document."""
        return cls.model_validate({**row, "id": row["_id"]})

    def row(self) -> dict[str, Any]:
        """Document -> row, without its ``_id``."""
        return self.model_dump(mode="json", exclude={"id"})


class Ending(BaseModel):
    """How a job that is being stopped will end."""

    outcome: JobState
    reason: str
    detail: str = ""


class Revision(BaseModel):
    """What a person wants changed in the first workflow, until it was rewritten."""

    feedback: str
    samples: BlobRef | None = None


class Chunk(BaseModel):
    """One samples request of a production round; exactly one of the last two is set when it has ended."""

    first: int
    count: int
    attempt: int = 0
    samples: BlobRef | None = None
    failed_code: str | None = None

    @property
    def ended(self) -> bool:
        """Whether its outcome is known."""
        return self.samples is not None or self.failed_code is not None


class Round(BaseModel):
    """The production round under way."""

    number: int
    chunks: list[Chunk] = Field(default_factory=list)
    acceptance_attempt: int = 0


class Production(BaseModel):
    """Where production stands. Counts are of ended rounds, but for ``attempted``."""

    next_seed: int = 0
    attempted: int = 0
    accepted: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    failed: dict[str, int] = Field(default_factory=dict)
    surplus: int = 0
    rounds: int = 0
    current: Round | None = None


class JobDocument(Document):
    """A job in progress. ``version`` counts what search has told the world about it.

    ``dataset_run`` is the run that last asked for a dataset: each asks once at most.
    """

    tenant: str
    spec_ref: BlobRef
    preview: bool = False
    spec: JobSpec | None = None
    run: int = 0
    continuations: list[str] = Field(default_factory=list)
    more_rows: int = 0
    state: JobState = JobState.QUEUED
    phase: JobPhase = JobPhase.QUEUED
    version: int = 0
    ending: Ending | None = None
    reason: str | None = None
    submitted_at: datetime
    traceparent: str | None = None
    clock: Stopwatch = Field(default_factory=Stopwatch)
    space: BlobRef | None = None
    review: OpenReview | None = None
    reviews: int = 0
    approved: bool = False
    revision: Revision | None = None
    round: int = 0
    repairs: int = 0
    anchor_metrics: BlobRef | None = None
    last_metrics: BlobRef | None = None
    search_end: Stop | None = None
    finalists: list[str] = Field(default_factory=list)
    winner: str | None = None
    account: Account = Field(default_factory=Account)
    spending: Spending = Field(default_factory=Spending)
    production: Production = Field(default_factory=Production)
    dataset_run: int | None = None
    dataset: DatasetSummary | None = None

    @field_serializer("spec")
    def _spec_as_text(self, spec: JobSpec | None) -> str | None:
        """A user's record schema may hold what JSON can say and BSON cannot: integers beyond 64 bits, NUL in names."""
        return None if spec is None else spec.model_dump_json()

    @field_validator("spec", mode="before")
    @classmethod
    def _spec_from_text(cls, stored: object) -> object:
        return JobSpec.model_validate_json(stored) if isinstance(stored, str) else stored

    @property
    def opened(self) -> JobSpec:
        """The spec, once the job was opened."""
        if self.spec is None:
            raise ValueError(f"job {self.id} was not opened yet")
        return self.spec

    @property
    def wanted(self) -> int:
        """Accepted rows wanted in all: those of the spec, and those of extensions."""
        return self.opened.count + self.more_rows

    @property
    def candidate_budget(self) -> int:
        """Most production candidates of all runs: as many for each row of an extension as for each of the spec."""
        spec = self.opened
        return math.ceil(Fraction(spec.candidate_budget * self.wanted, spec.count))

    @property
    def spent(self) -> SpendReport:
        """What it cost so far, and what for."""
        return self.spending.report(accepted=self.production.accepted)


class NodeDocument(Document):
    """A node of the tree; a ``NodeSnapshot`` with what search alone needs."""

    job_id: str
    parent_id: str | None = None
    round: int
    wave: int = 0
    state: NodeState = NodeState.REQUESTED
    attempt: int = 0
    modification: str | None = None
    workflow: BlobRef | None = None
    workflow_sha256: str | None = None
    shape_sha256: str | None = None
    samples: BlobRef | None = None
    metrics: BlobRef | None = None
    scores: BlobRef | None = None
    workflow_scores: BlobRef | None = None
    samples_ok: int = 0
    samples_failed: dict[str, int] = Field(default_factory=dict)
    samples_refused: dict[str, int] = Field(default_factory=dict)
    score_sample: float | None = None
    score_workflow: float | None = None
    reward: float | None = None
    final_reward: float | None = None
    final_sample_score: float | None = None
    final_by_sample: list[float] = Field(default_factory=list)
    final_interval: tuple[float, float] | None = None
    final_scores: BlobRef | None = None
    final_ended: bool = False
    score_anchor: float | None = None
    anchor_scores: BlobRef | None = None
    suggestions: list[str] = Field(default_factory=list)
    experiences: list[Experience] = Field(default_factory=list)
    parent_probabilities: dict[str, float] = Field(default_factory=dict)
    ticket: float | None = None
    metric_candidates: list[BlobRef] = Field(default_factory=list)
    overlaps: list[float] = Field(default_factory=list)
    chosen_candidate: int | None = None
    overlap_measure: str | None = None
    dropped_metrics: dict[str, str] = Field(default_factory=dict)
    checks: dict[str, float] = Field(default_factory=dict)
    feedback: str | None = None
    error: str | None = None
    lost_by: LossCode | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the root."""
        return self.parent_id is None

    @property
    def has_honest_sample(self) -> bool:
        """Whether the evaluator left one of its samples."""
        return self.samples_ok > sum(self.samples_refused.values())

    def forget_final(self) -> None:
        """Be measured again as a finalist, as if never before."""
        self.final_reward = self.final_sample_score = self.final_interval = self.final_scores = None
        self.final_by_sample, self.final_ended = [], False

    def snapshot(self) -> NodeSnapshot:
        """What the world may see of it."""
        failed = Counter(self.samples_failed)
        failed.update(self.samples_refused)
        shown = {
            "node_id": self.id,
            "experiences": self.experiences[-MOST_EXPERIENCES:],
            "samples_ok": self.samples_ok - sum(self.samples_refused.values()),
            "samples_failed": dict(failed),
        }
        return NodeSnapshot.model_validate({**self.model_dump(), **shown})


class RequestDocument(Document):
    """A request that is out with a worker, and the grant that went with it."""

    job_id: str
    stage: Stage
    side: Side
    grant: Grant
    deadline: datetime
    node_id: str | None = None
    component: ScoreComponent | None = None
    chunk_first: int | None = None
    open: bool = True
    answered_by: str | None = None
