"""The work of the runner, as it lies in the ledger."""

from pydantic import Field

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import Purpose
from graftwork.kit.tasks import TaskPayload


class GenerateSamples(TaskPayload):
    """Run a workflow over seeds [first, first + count)."""

    spec: BlobRef
    node_id: str
    purpose: Purpose
    workflow: BlobRef
    space: BlobRef
    first: int = Field(ge=0)
    count: int = Field(ge=1)
