"""The work of the evaluator, as it lies in the ledger."""

from graftwork.contracts.blobs import BlobRef
from graftwork.kit.tasks import TaskPayload


class ProposeMetrics(TaskPayload):
    """Regenerate the metrics of an evaluation from its samples; ``ScoreSamples`` follows."""

    spec: BlobRef
    evaluation_id: str
    node_id: str
    samples: BlobRef


class ScoreSamples(TaskPayload):
    """Score every sample of an evaluation by these metrics."""

    spec: BlobRef
    evaluation_id: str
    node_id: str
    samples: BlobRef
    metrics: BlobRef
