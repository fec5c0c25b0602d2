"""The work of the optimizer, as it lies in the ledger."""

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.workflows import Experience
from graftwork.kit.tasks import TaskPayload


class ProposeSeeds(TaskPayload):
    """Propose the seed space of a job."""

    spec: BlobRef


class WriteWorkflow(TaskPayload):
    """Write a workflow for a node; ``why`` says what for."""

    spec: BlobRef
    node_id: str
    why: WorkflowKind
    parent: BlobRef | None = None
    parent_node_id: str | None = None
    parent_reward: float | None = None
    experiences: tuple[Experience, ...] = ()
    suggestions: tuple[str, ...] = ()
    trace: str | None = None
    feedback: str | None = None
    samples: BlobRef | None = None
    space: BlobRef | None = None


class JudgeWorkflow(TaskPayload):
    """Judge the workflow of an evaluation."""

    spec: BlobRef
    evaluation_id: str
    node_id: str
    workflow: BlobRef
