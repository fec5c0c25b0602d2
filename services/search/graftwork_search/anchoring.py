"""The anchor: one frozen metric set by which every node is scored too, so that moving rulers can be compared.

It is logged and never steers: no decision reads what it says.
"""

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import MetricsMode
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.kit.blobs import Blobs
from graftwork_search.reward import components


def wants_anchor(search: SearchSpec) -> bool:
    """Whether there is one: not where a single set measures every node anyway, nor where no sample is scored."""
    return (
        search.anchor and search.metrics is not MetricsMode.FIXED and ScoreComponent.SAMPLE in components(search.reward)
    )


async def store_anchor(blobs: Blobs, job_id: str, spec: JobSpec) -> BlobRef | None:
    """Store the user's own metrics as the anchor; without them, the root's set will be it."""
    if not spec.search.own_metrics or not wants_anchor(spec.search):
        return None
    metrics = tuple(Metric.model_validate(metric.model_dump()) for metric in spec.search.own_metrics)
    return await blobs.put_json(MetricSet(metrics=metrics), f"{job_id}/metrics")
