"""What the gateway's REST API answers (``/v1``). Requests are ``JobSpec``; ids are opaque.

Lists are newest first; ``next_cursor`` goes into ``?cursor=`` for the following page and is None at
the end. ``links`` are paths on the same host, by name.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from graftwork.contracts.base import Contract
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import Profile
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:graftwork:problem:"
IDEMPOTENCY_HEADER = "Idempotency-Key"
LAST_EVENT = "job.finished"
"""``what`` of the last event of every job's stream."""


class ProblemError(Contract):
    """One mistake. ``path`` is dotted (``search.iterations``); empty: the document as a whole."""

    path: str
    message: str


class Problem(Contract):
    """An error (RFC 9457). ``type`` is stable: ``urn:graftwork:problem:<code>``."""

    type: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = ""
    instance: str = Field(default="", description="path of the request")
    errors: tuple[ProblemError, ...] = ()

    @property
    def code(self) -> str:
        """The stable name in ``type``."""
        return self.type.removeprefix(PROBLEM_TYPE_PREFIX)


class JobView(Contract):
    """A job. ``snapshot`` is None until search has told of it; the fields beside it say the same in short.

    Links: ``self``, ``events``, ``tree``, ``cancel`` and, once there is one, ``dataset``.
    """

    id: str
    name: str
    task: str
    count: int = Field(description="accepted rows wanted")
    strategy: str
    state: JobState = JobState.QUEUED
    phase: JobPhase = JobPhase.QUEUED
    reason: str | None = None
    cancel_requested: bool = False
    dataset_id: str | None = None
    snapshot: JobSnapshot | None = None
    created_at: datetime
    updated_at: datetime
    links: Mapping[str, str] = Field(default_factory=dict)


class JobList(Contract):
    """A page of jobs."""

    items: tuple[JobView, ...]
    next_cursor: str | None = None


class JobEvent(Contract):
    """Data of one server-sent event; its ``event:`` is ``what`` and its ``id:`` is ``version``.

    ``node`` is the node that changed, where one did. The last one of a job is ``job.finished``.
    """

    version: int = Field(ge=1)
    what: str
    message: str = ""
    snapshot: JobSnapshot
    node: NodeSnapshot | None = None


class TreeView(Contract):
    """The tree so far: nodes by round, the root first."""

    job: JobView
    nodes: tuple[NodeSnapshot, ...]


class MetricCandidate(Contract):
    """A metric set that was proposed for a node, and how much the others agreed with it."""

    metrics: tuple[Metric, ...]
    overlap: float | None = None
    chosen: bool = False


class TextDiff(Contract):
    """What changed in one part of a workflow since its parent, as a unified diff."""

    part: str = Field(description="code, or prompts/<name>")
    diff: str


class NodeView(Contract):
    """A node with what its references point to; parts that do not exist yet are None or empty."""

    node: NodeSnapshot
    workflow: Workflow | None = None
    samples: tuple[SampleRow, ...] = Field(default=(), description="the first of them, at most ?samples=")
    samples_total: int = 0
    metrics: tuple[Metric, ...] = ()
    scores: tuple[SampleScores, ...] = ()
    workflow_scores: WorkflowScores | None = None
    why: str = Field(default="", description="how its parent was chosen, in one readable line")
    changes: tuple[TextDiff, ...] = ()
    metric_candidates: tuple[MetricCandidate, ...] = ()
    anchor_scores: tuple[SampleScores, ...] = ()
    final_scores: tuple[SampleScores, ...] = ()
    links: Mapping[str, str] = Field(default_factory=dict)


class DatasetFileView(Contract):
    """One file; ``path`` is relative and goes into ``download?path=``."""

    path: str
    size_bytes: int = Field(ge=0)
    sha256: str
    rows: int | None = None


class DatasetView(Contract):
    """A published dataset. Links: ``self``, ``download`` (a zip of all files), ``job``."""

    id: str
    job_id: str
    name: str
    rows: int
    complete: bool = Field(description="False: fewer rows than asked were accepted")
    counts: ProductionCounts
    files: tuple[DatasetFileView, ...]
    sha256: str = Field(description="digest over the files' paths and digests")
    location: str = Field(description="key prefix in the blob store, or URI")
    published_at: datetime
    links: Mapping[str, str] = Field(default_factory=dict)


class DatasetList(Contract):
    """A page of datasets."""

    items: tuple[DatasetView, ...]
    next_cursor: str | None = None


class PoolModelView(Contract):
    """One model of a pool. Prices in USD per million tokens; None: unknown."""

    name: str
    context_tokens: int | None = None
    prompt_usd_per_mtok: float | None = None
    completion_usd_per_mtok: float | None = None


class PoolView(Contract):
    """What a pool serves; ``problem`` says why that cannot be told now."""

    pool: str
    available: bool
    problem: str | None = None
    default_model: str | None = None
    models: tuple[PoolModelView, ...] = ()
    profile: Profile = Profile.STANDARD
    writes_code: bool = True


class PoolsView(Contract):
    """Every pool the gateway knows of."""

    pools: tuple[PoolView, ...]


class PoolCheckView(PoolView):
    """What a pool serves, and what a few tiny calls to its default model told; ``problem`` also says why one failed."""

    latency_seconds: float | None = Field(default=None, ge=0, description="of the shorter call, at the pool")
    keeps_schema: bool | None = Field(default=None, description="whether an answer fitted a JSON schema")
    used: Usage = Usage()


class PoolChecksView(Contract):
    """Every pool the gateway knows of, checked."""

    pools: tuple[PoolCheckView, ...]
