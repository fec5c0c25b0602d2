"""A node with what its references point to."""

from typing import Any

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.rest import NodeView
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.kit.blobs import Blobs
from graftwork_gateway.views import job_path


async def node_view(blobs: Blobs, job_id: str, node: NodeSnapshot, *, samples: int) -> NodeView:
    """The node, with at most ``samples`` of its samples. Raises ``BlobMissing``."""
    rows = await _rows(blobs, node.samples)
    scores = await _rows(blobs, node.scores)
    introspection = await _rows(blobs, node.workflow_scores)
    path = job_path(job_id)
    return NodeView(
        node=node,
        workflow=None if node.workflow is None else await blobs.get_model(node.workflow, Workflow),
        samples=tuple(SampleRow.model_validate(row) for row in rows[:samples]),
        samples_total=len(rows),
        metrics=() if node.metrics is None else (await blobs.get_model(node.metrics, MetricSet)).metrics,
        scores=tuple(SampleScores.model_validate(row) for row in scores),
        workflow_scores=WorkflowScores.model_validate(introspection[0]) if introspection else None,
        links={"self": f"{path}/nodes/{node.node_id}", "tree": f"{path}/tree", "job": path},
    )


async def _rows(blobs: Blobs, ref: BlobRef | None) -> list[dict[str, Any]]:
    return [] if ref is None else await blobs.read_rows(ref)
