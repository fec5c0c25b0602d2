"""What the gateway keeps in its ledger.

Every row carries its tenant. A row whose job we do not know (yet) has none, so nobody's query finds
it; it is adopted when the job's row is written.
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
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.kit.ledger import Document

JOBS = "jobs"
JOB_EVENTS = "job_events"
NODES = "nodes"
DATASETS = "datasets"
IDEMPOTENCY = "idempotency"
KEYS = "keys"
TENANTS = "tenants"


def indexes(*, idempotency_hours: float) -> Mapping[str, Sequence[IndexModel]]:
    """Indexes of all collections."""
    seconds = int(idempotency_hours * 3600)
    return {
        KEYS: [IndexModel([("key_id", ASCENDING)])],
        JOBS: [IndexModel([("tenant", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)])],
        JOB_EVENTS: [IndexModel([("job_id", ASCENDING), ("version", ASCENDING)])],
        NODES: [IndexModel([("job_id", ASCENDING)])],
        DATASETS: [
            IndexModel([("tenant", ASCENDING), ("published_at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel([("job_id", ASCENDING)]),
        ],
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
    """A job: what the client asked for, and search's last snapshot. ``version`` is the snapshot's."""

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

    @property
    def ended(self) -> bool:
        """Whether nothing of it will change."""
        return self.finished_version is not None or (self.snapshot is not None and self.snapshot.state.terminal)

    def submission(self) -> Document:
        """The client's half of the row."""
        fields = {"name", "task", "count", "strategy", "tenant"}
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
