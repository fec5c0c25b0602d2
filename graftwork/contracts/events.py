"""Every event of the platform: facts (past tense) and requests between services.

The class is the contract; its name gives the event name (``SamplesRequested`` -> ``samples.requested``)
and ``identity`` the part of the CloudEvents id that makes a redelivered event recognisable.
Only optional fields may be added or removed (FULL_TRANSITIVE).
"""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from graftwork.contracts.base import Contract
from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobState
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import Experience

EVENT_VERSION = "v1"


class EventData(Contract):
    """Data of one event. ``job_id`` is the Kafka key."""

    registry: ClassVar[dict[str, type["EventData"]]] = {}
    event_name: ClassVar[str] = ""

    job_id: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        if cls.__name__.startswith("_"):
            return
        words = re.findall(r"[A-Z][a-z]+", cls.__name__)
        cls.event_name = f"{'_'.join(words[:-1])}.{words[-1]}".lower()
        if cls.event_name in _UNUSUAL_NAMES:
            cls.event_name = _UNUSUAL_NAMES[cls.event_name]
        EventData.registry[cls.event_name] = cls

    @property
    def identity(self) -> str:
        """Distinguishes this event from every other of its type; stable under redelivery."""
        return self.job_id


_UNUSUAL_NAMES = {
    "job_cancellation.requested": "job.cancellation_requested",
    "job_continuation.requested": "job.continuation_requested",
}


class _Request(EventData):
    """Asks a worker for something; answered by exactly one answer or ``work.failed``."""

    request_id: str
    spec: BlobRef
    deadline: datetime
    grant: Grant = Grant()
    rank: int = Field(default=0, ge=0, description="index within its group; lower runs first, so that jobs take turns")
    run: int = Field(default=0, ge=0, description="continuation of the job that asks; earlier stops do not bind it")

    @property
    @override
    def identity(self) -> str:
        return self.request_id


class _Answer(EventData):
    """Ends a request and returns its grant: what was not used is free again."""

    request_id: str
    used: Mapping[str, Usage] = Field(default_factory=dict, description="pool -> usage")
    used_by_task: Mapping[str, Mapping[str, Usage]] = Field(
        default_factory=dict, description="kind of task -> pool -> usage; sums to used"
    )

    @property
    @override
    def identity(self) -> str:
        return self.request_id


# --- jobs ---------------------------------------------------------------------------------------


class JobSubmitted(EventData):
    """A client's job was accepted by the gateway."""

    tenant: str
    spec: BlobRef
    submitted_at: datetime
    preview: bool = Field(default=False, description="only the first workflow's samples are wanted; nothing is kept")


class JobCancellationRequested(EventData):
    """A client asked to stop the job's ``run``; a job that went on since is not meant."""

    reason: str = "cancelled by the client"
    run: int = Field(default=0, ge=0)

    @property
    @override
    def identity(self) -> str:
        return derived_id(self.job_id, self.run) if self.run else self.job_id


class Continuation(StrEnum):
    """How an ended job goes on."""

    EXTEND = "extend"
    RETRY = "retry"


class JobContinuationRequested(EventData):
    """A client wants more rows of a job that succeeded, or another try of one that did not."""

    request_id: str
    kind: Continuation
    rows: int = Field(default=0, ge=0, description="more accepted rows wanted, for extend")

    @property
    @override
    def identity(self) -> str:
        return self.request_id


class JobStopping(EventData):
    """No new work for this job anywhere; running work is cancelled. Follow-up of production may publish."""

    outcome: JobState
    reason: str
    run: int = 0

    @property
    @override
    def identity(self) -> str:
        return derived_id(self.job_id, self.run) if self.run else self.job_id


class JobResumed(EventData):
    """A stopped job goes on as its ``run``-th continuation: what stopped it before stops nothing any more."""

    run: int = Field(ge=1)

    @property
    @override
    def identity(self) -> str:
        return derived_id(self.job_id, self.run)


class JobDeleted(EventData):
    """A client, or the end of its retention, deleted a job: every service forgets it."""

    tenant: str


class JobFinished(EventData):
    """The job ended; nothing of it will change."""

    snapshot: JobSnapshot
    spent: SpendReport
    dataset: DatasetSummary | None = None

    @property
    @override
    def identity(self) -> str:
        return derived_id(self.job_id, self.snapshot.run) if self.snapshot.run else self.job_id


class SearchAdvanced(EventData):
    """Something changed: the job as it is now and, where one changed, the node.

    An ``experience`` is new to the nodes ``taught``, which have not changed otherwise: ancestors of ``node``.
    """

    version: int = Field(ge=1)
    what: str = Field(description="short name of the change, e.g. node.scored")
    message: str = Field(default="", description="one readable line")
    snapshot: JobSnapshot
    node: NodeSnapshot | None = None
    experience: Experience | None = None
    taught: tuple[str, ...] = Field(default=(), description="ids of the nodes to which the experience is new")

    @property
    @override
    def identity(self) -> str:
        return derived_id(self.job_id, self.version)


# --- workflows ----------------------------------------------------------------------------------


class SeedsRequested(_Request):
    """Propose the seed space of a job."""


class SeedsProposed(_Answer):
    """The seed space (a ``SeedSpace`` blob)."""

    space: BlobRef
    size: int


class WorkflowKind(StrEnum):
    """Why a workflow is wanted."""

    INITIAL = "initial"
    REVISE = "revise"
    REFINE = "refine"
    REPAIR = "repair"


class WorkflowRequested(_Request):
    """Write a workflow: from nothing, or from a parent with what was learnt below it."""

    node_id: str
    kind: WorkflowKind
    parent: BlobRef | None = None
    parent_node_id: str | None = None
    parent_reward: float | None = None
    experiences: tuple[Experience, ...] = ()
    suggestions: tuple[str, ...] = ()
    trace: str | None = Field(default=None, description="what went wrong, for repair; bounded text")
    feedback: str | None = Field(default=None, description="what a person wants changed, for revise")
    samples: BlobRef | None = Field(default=None, description="what that person saw, for revise")
    space: BlobRef | None = Field(default=None, description="the seed space, whose keys the code may use")


class WorkflowProposed(_Answer):
    """A workflow (a ``Workflow`` blob) for a node."""

    node_id: str
    workflow: BlobRef
    workflow_sha256: str
    shape_sha256: str
    modification: str


# --- samples ------------------------------------------------------------------------------------


class Purpose(StrEnum):
    """What samples are for; each purpose has its own range of seed indices."""

    EVALUATION = "evaluation"
    FINALIST = "finalist"
    PRODUCTION = "production"


class SamplesRequested(_Request):
    """Run a workflow over seeds [first, first + count)."""

    node_id: str
    purpose: Purpose
    workflow: BlobRef
    space: BlobRef
    first: int = Field(ge=0)
    count: int = Field(ge=1)


class SamplesGenerated(_Answer):
    """The rows made (``SampleRow`` lines), good and failed. ``trace``: the first failure, readable."""

    node_id: str
    purpose: Purpose
    samples: BlobRef
    ok: int
    failed: Mapping[str, int] = Field(default_factory=dict)
    trace: str | None = None
    checks: Mapping[str, float] = Field(default_factory=dict)
    walls: tuple[str, ...] = ()


# --- scores -------------------------------------------------------------------------------------


class ScoreComponent(StrEnum):
    """Halves of the reward."""

    SAMPLE = "sample"
    WORKFLOW = "workflow"


class ScoresRequested(_Request):
    """Judge an evaluation. ``metrics`` None: regenerate them from the samples."""

    evaluation_id: str
    node_id: str
    component: ScoreComponent
    workflow: BlobRef
    samples: BlobRef
    metrics: BlobRef | None = None
    anchor: BlobRef | None = Field(default=None, description="a metric set to score by as well, for the log only")


class MetricsRegenerated(EventData):
    """The metric set of an evaluation was chosen among candidates by mean semantic overlap."""

    evaluation_id: str
    node_id: str
    metrics: BlobRef
    names: tuple[str, ...]
    overlaps: tuple[float, ...]
    chosen: int
    measure: str = "lexical"
    candidates: tuple[BlobRef, ...] = Field(default=(), description="every set, in the order of overlaps")
    dropped: Mapping[str, str] = Field(
        default_factory=dict, description="metric that failed its own exemplars -> why; not in metrics"
    )

    @property
    @override
    def identity(self) -> str:
        return self.evaluation_id


class ScoresReady(_Answer):
    """One half of the reward, 1-5. ``matrix``: ``SampleScores`` lines, or one ``WorkflowScores`` line."""

    evaluation_id: str
    node_id: str
    component: ScoreComponent
    score: float = Field(ge=1, le=5)
    matrix: BlobRef
    metrics: BlobRef | None = None
    suggestions: tuple[str, ...] = ()
    by_sample: tuple[float, ...] = Field(
        default=(), max_length=200, description="mean score of each scored sample, in seed order; for intervals"
    )
    anchor_score: float | None = Field(default=None, ge=1, le=5)
    anchor_matrix: BlobRef | None = None
    refused: Mapping[str, int] = Field(
        default_factory=dict, description="samples that the evaluator found to be none, by reason; they count 1"
    )


# --- reviews ------------------------------------------------------------------------------------


class Decision(StrEnum):
    """What a reviewer says."""

    APPROVE = "approve"
    REVISE = "revise"


class _Review(EventData):
    review_id: str

    @property
    @override
    def identity(self) -> str:
        return self.review_id


class ReviewRequested(_Review):
    """A person is to look at the first workflow and its samples; the job waits."""

    node_id: str
    round: int = Field(ge=1)
    rounds: int = Field(ge=1)
    workflow: BlobRef
    samples: BlobRef
    samples_ok: int
    opened_at: datetime
    expires_at: datetime | None = None


class ReviewSubmitted(_Review):
    """A person answered. ``feedback`` is set for revise."""

    decision: Decision
    feedback: str | None = None
    submitted_at: datetime


# --- production ---------------------------------------------------------------------------------


class AcceptanceRequested(_Request):
    """Take up to ``needed`` unique rows from these samples, in the order given (seed order)."""

    round: int = Field(ge=0)
    samples: tuple[BlobRef, ...]
    needed: int = Field(ge=0)
    wanted: int | None = Field(
        default=None, ge=0, description="accepted rows that the job wants in all; never are there more"
    )


class SamplesAccepted(_Answer):
    """A production round was judged by the curator. Its numbers add up to the round's candidates."""

    round: int
    accepted: int
    rejected: Mapping[str, int] = Field(default_factory=dict)
    failed: Mapping[str, int] = Field(default_factory=dict)
    surplus: int = 0
    total_accepted: int
    short: int = Field(description="still missing")


class Lineage(Contract):
    """Where the rows come from; written to the card and the lineage file."""

    winner_node_id: str | None
    workflow: BlobRef | None
    reward: float | None
    path: tuple[NodeSnapshot, ...] = Field(description="root first, winner last; bounded")


class DatasetRequested(_Request):
    """Publish what was accepted."""

    counts: ProductionCounts
    complete: bool
    lineage: Lineage
    spent: SpendReport
    space: BlobRef | None = None
    run: int = Field(default=0, description="continuation of the job; each publishes a dataset of all rows so far")


class DatasetPublished(_Answer):
    """The dataset can be read."""

    dataset: DatasetSummary


# --- failure ------------------------------------------------------------------------------------


class WorkFailed(_Answer):
    """A request ended without an answer: search decides what that means."""

    stage: str = Field(description="name of the task that failed")
    code: str = Field(description="stable name of the error, e.g. grant_exhausted")
    error_class: str = Field(description="retryable (given up) or permanent")
    message: str
