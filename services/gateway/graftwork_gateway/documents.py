"""What the gateway keeps in its ledger.

Every row carries its tenant. A row whose job we do not know (yet) has none, so nobody's query finds
it; it is adopted when the job's row is written. Rows of a preview never have one. Of a job that was
deleted ``deleted_at`` alone remains for a while, so that late events do not bring it back.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from typing import Self

from pydantic import ConfigDict
from pydantic import Field
from pymongo import ASCENDING
from pymongo import DESCENDING
from pymongo import IndexModel

from graftwork.contracts.base import Contract
from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.kit.ledger import Document

JOBS = "jobs"
JOB_EVENTS = "job_events"
NODES = "nodes"
DATASETS = "datasets"
REVIEWS = "reviews"
WEBHOOKS = "webhooks"
IDEMPOTENCY = "idempotency"
KEYS = "keys"
TENANTS = "tenants"


def indexes(*, idempotency_hours: float, retention_days: float) -> Mapping[str, Sequence[IndexModel]]:
    """Indexes of all collections."""
    seconds = int(idempotency_hours * 3600)
    kept_seconds = int(retention_days * 24 * 3600)
    return {
        KEYS: [IndexModel([("key_id", ASCENDING)])],
        JOBS: [
            IndexModel([("tenant", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel([("tenant", ASCENDING), ("ended_at", ASCENDING)]),
            IndexModel([("preview_for", ASCENDING), ("ended_at", ASCENDING)]),
            IndexModel([("deleted_at", ASCENDING)], expireAfterSeconds=kept_seconds),
        ],
        JOB_EVENTS: [IndexModel([("job_id", ASCENDING), ("version", ASCENDING)])],
        NODES: [IndexModel([("job_id", ASCENDING)])],
        DATASETS: [
            IndexModel([("tenant", ASCENDING), ("published_at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel([("job_id", ASCENDING)]),
        ],
        REVIEWS: [
            IndexModel([("tenant", ASCENDING), ("opened_at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel([("job_id", ASCENDING)]),
        ],
        WEBHOOKS: [IndexModel([("tenant", ASCENDING), ("created_at", DESCENDING)])],
        IDEMPOTENCY: [IndexModel([("at", ASCENDING)], expireAfterSeconds=seconds)],
    }


class _Row(Contract):
    model_config = ConfigDict(populate_by_name=True)

    id: str = Field(alias="_id")
    tenant: str | None

    @classmethod
    def of(cls, document: Document) -> Self:
        """Read a document."""
        return cls.model_validate(document)


class KeyRow(_Row):
    """An API key; its ``_id`` is the key's hash, and ``key_id`` what it is called."""

    key_id: str
    name: str = ""
    admin: bool = False
    hint: str = ""
    created_at: datetime
    revoked_at: datetime | None = None


class JobRow(_Row):
    """A job: what the client asked for, and search's last snapshot. ``version`` is the snapshot's.

    ``run_wanted`` is the continuation that a client asked for last; ``datasets`` those that can be opened, and
    ``deleted_datasets`` those that must not come back with what is told later.
    """

    name: str
    task: str
    count: int
    strategy: str
    spec: BlobRef
    created_at: datetime
    cancel_requested_at: datetime | None = None
    version: int = 0
    events: int = 0
    snapshot: JobSnapshot | None = None
    finished_version: int | None = None
    ended_at: datetime | None = None
    run_wanted: int = 0
    datasets: tuple[str, ...] = ()
    deleted_datasets: tuple[str, ...] = ()
    preview_for: str | None = None

    @property
    def run(self) -> int:
        """How often search has taken it up again."""
        return 0 if self.snapshot is None else self.snapshot.run

    @property
    def about_to_go_on(self) -> bool:
        """Whether a client wants it to go on, and search has not told of that yet."""
        return self.run_wanted > self.run

    @property
    def ended(self) -> bool:
        """Whether nothing of it will change by itself."""
        return self.snapshot is not None and self.snapshot.state.terminal and not self.about_to_go_on

    @property
    def all_told(self) -> bool:
        """Whether it ended and nothing is known behind its last ``job.finished``."""
        return self.ended and self.finished_version is not None and self.finished_version >= self.version

    def submission(self) -> Document:
        """The client's half of the row."""
        fields = {"name", "task", "count", "strategy", "tenant", "preview_for"}
        written: dict[str, Any] = self.model_dump(include=fields)
        return {**written, "spec": self.spec.model_dump(), "created_at": self.created_at, "cancel_requested_at": None}


class EventRow(_Row):
    """One version of a job as it was told; append-only. ``at``: when it was admitted here."""

    job_id: str
    version: int
    at: datetime
    event: JobEvent


class NodeRow(_Row):
    """A node as last told; ``version`` is the job's."""

    job_id: str
    version: int
    round: int
    node: NodeSnapshot


class DatasetRow(_Row):
    """A published dataset."""

    job_id: str
    published_at: datetime
    summary: DatasetSummary


class ReviewRow(_Row):
    """A review; ``state`` is what is known here, which may lag behind search for a moment."""

    job_id: str
    node_id: str
    round: int
    rounds: int
    workflow: BlobRef
    samples: BlobRef
    samples_ok: int
    opened_at: datetime
    expires_at: datetime | None = None
    state: ReviewState = ReviewState.OPEN
    feedback: str | None = None
    answered_at: datetime | None = None


class WebhookRow(_Row):
    """A webhook. Its secret is kept as it is, since every call is signed with it."""

    url: str
    events: tuple[WebhookEvent, ...]
    secret: str
    created_at: datetime
    last_status: int | None = None
    last_error: str | None = None
    last_called_at: datetime | None = None


def as_stored(at: datetime) -> datetime:
    """A time as MongoDB will return it: in milliseconds."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
