"""What search tells the world about a job and its nodes; the gateway serves these unchanged."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import Experience


class PerRow(Contract):
    """What one accepted row cost, all of the job included. ``cost_usd`` None: a price is unknown."""

    calls: float
    tokens: float
    cost_usd: float | None = None


class SpendReport(Contract):
    """Usage by pool, by purpose and by stage; each map sums to ``total``."""

    total: Usage = Usage()
    by_pool: Mapping[str, Usage] = Field(default_factory=dict)
    by_purpose: Mapping[str, Usage] = Field(default_factory=dict, description="search, metrics, scoring, production")
    by_stage: Mapping[str, Usage] = Field(default_factory=dict, description="kind of request -> usage")
    per_row: PerRow | None = Field(default=None, description="None: no row was accepted yet")


class ProductionCounts(Contract):
    """Rows of the production so far: attempted = accepted + rejected + failed + surplus + pending."""

    wanted: int = 0
    attempted: int = 0
    accepted: int = 0
    rejected: Mapping[str, int] = Field(default_factory=dict)
    failed: Mapping[str, int] = Field(default_factory=dict)
    surplus: int = 0
    rounds: int = 0


MOST_EXPERIENCES = 20
"""Of those that a node was handed, so many of the newest are shown."""


class NodeSnapshot(Contract):
    """One node of the tree. Rewards are on the 1-5 scale; unset until measured."""

    node_id: str
    parent_id: str | None = None
    round: int = Field(ge=0)
    state: NodeState
    modification: str | None = None
    workflow: BlobRef | None = None
    samples: BlobRef | None = None
    metrics: BlobRef | None = None
    scores: BlobRef | None = None
    workflow_scores: BlobRef | None = None
    samples_ok: int = 0
    samples_failed: Mapping[str, int] = Field(default_factory=dict)
    score_sample: float | None = None
    score_workflow: float | None = None
    reward: float | None = None
    final_reward: float | None = Field(default=None, description="re-scored as a finalist, on fresh seeds")
    suggestions: tuple[str, ...] = ()
    experiences: tuple[Experience, ...] = ()
    parent_probabilities: Mapping[str, float] = Field(
        default_factory=dict, description="the draw that chose the parent: node id -> probability"
    )
    ticket: float | None = Field(default=None, description="the number in [0, 1) that decided the draw")
    metric_candidates: tuple[BlobRef, ...] = Field(default=(), description="every metric set proposed for it")
    overlaps: tuple[float, ...] = Field(default=(), description="of each candidate with the others, -1 to 1")
    chosen_candidate: int | None = None
    overlap_measure: str | None = None
    dropped_metrics: Mapping[str, str] = Field(
        default_factory=dict, description="metric that failed its own exemplars -> why"
    )
    score_anchor: float | None = Field(default=None, description="by the frozen metric set; logged, never steering")
    anchor_scores: BlobRef | None = None
    final_interval: tuple[float, float] | None = Field(
        default=None, description="95 % bootstrap confidence interval of final_reward"
    )
    final_scores: BlobRef | None = None
    feedback: str | None = Field(default=None, description="of the person whose review this workflow answers")
    checks: Mapping[str, float] = Field(
        default_factory=dict, description="simple code checks of the samples, 0-1; logged, never steering"
    )
    error: str | None = None


class OpenReview(Contract):
    """What a waiting job waits for. ``expires_at`` None: it waits for ever."""

    review_id: str
    node_id: str
    round: int = Field(ge=1)
    rounds: int = Field(ge=1)
    opened_at: datetime
    expires_at: datetime | None = None


class JobSnapshot(Contract):
    """A job as last told by search; ``version`` counts its changes."""

    job_id: str
    version: int = Field(ge=0)
    state: JobState
    phase: JobPhase
    reason: str | None = None
    iteration: int = 0
    iterations: int = 0
    best_node_id: str | None = None
    best_reward: float | None = None
    winner_node_id: str | None = None
    production: ProductionCounts = ProductionCounts()
    spent: SpendReport = SpendReport()
    dataset_id: str | None = None
    review: OpenReview | None = None
    anchor_metrics: BlobRef | None = None
    run: int = Field(default=0, description="how often it was extended or retried")
    updated_at: datetime


class DatasetFile(Contract):
    """One file of a published dataset; ``path`` is relative to the dataset's root."""

    path: str
    blob: BlobRef


class DatasetSummary(Contract):
    """A published dataset; ``complete`` is False when fewer rows than asked were accepted."""

    dataset_id: str
    job_id: str
    name: str
    location: str = Field(description="key prefix in the blob store, or URI")
    uri: str | None = Field(default=None, description="where the files lie, for whoever can reach the store")
    columns: Mapping[str, str] = Field(default_factory=dict, description="column -> Arrow type of the Parquet shards")
    rows: int
    counts: ProductionCounts
    complete: bool
    files: tuple[DatasetFile, ...]
    sha256: str = Field(description="digest over the files' paths and digests")
    published_at: datetime
