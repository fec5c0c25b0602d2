"""The work of the evaluator, as it lies in the ledger."""

from graftwork.contracts.blobs import BlobRef
from graftwork.kit.tasks import TaskPayload


class _Evaluation(TaskPayload):
    spec: BlobRef
    evaluation_id: str
    node_id: str
    samples: BlobRef
    anchor: BlobRef | None = None


class ProposeMetrics(_Evaluation):
    """Regenerate the metrics of an evaluation from its samples; the next of these tasks follows."""


class CalibrateMetrics(_Evaluation):
    """Try the chosen metrics on their own exemplars. The other fields are those of ``metrics.regenerated``."""

    candidates: tuple[BlobRef, ...]
    overlaps: tuple[float, ...]
    chosen: int
    measure: str


class ScoreSamples(_Evaluation):
    """Score every sample of an evaluation by these metrics, and by the anchor's where there is one."""

    metrics: BlobRef
