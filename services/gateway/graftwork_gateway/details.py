"""A node with what its references point to."""

from typing import Any

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import TextDiff
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from graftwork.kit.blobs import Blobs
from graftwork_gateway import explaining
from graftwork_gateway.views import job_path


async def node_view(
    blobs: Blobs, job_id: str, node: NodeSnapshot, parent: NodeSnapshot | None, *, samples: int
) -> NodeView:
    """The node, with at most ``samples`` of its samples. Raises ``BlobMissing``."""
    rows = await _rows(blobs, node.samples)
    introspection = await _rows(blobs, node.workflow_scores)
    workflow = await _workflow(blobs, node)
    proposed = [await blobs.get_model(ref, MetricSet) for ref in node.metric_candidates]
    path = job_path(job_id)
    return NodeView(
        node=node,
        workflow=workflow,
        samples=tuple(SampleRow.model_validate(row) for row in rows[:samples]),
        samples_total=len(rows),
        metrics=() if node.metrics is None else (await blobs.get_model(node.metrics, MetricSet)).metrics,
        scores=await _scores(blobs, node.scores),
        workflow_scores=WorkflowScores.model_validate(introspection[0]) if introspection else None,
        why=explaining.why(node),
        changes=await _changes(blobs, workflow, node, parent),
        metric_candidates=explaining.candidates(node, proposed),
        anchor_scores=await _scores(blobs, node.anchor_scores),
        final_scores=await _scores(blobs, node.final_scores),
        links={"self": f"{path}/nodes/{node.node_id}", "tree": f"{path}/tree", "job": path},
    )


async def _changes(
    blobs: Blobs, workflow: Workflow | None, node: NodeSnapshot, parent: NodeSnapshot | None
) -> tuple[TextDiff, ...]:
    before = None if parent is None else await _workflow(blobs, parent)
    if workflow is None or before is None or parent is None:
        return ()
    names = (parent.node_id, node.node_id)
    return explaining.changes(before, workflow, names=(explaining.short(names[0]), explaining.short(names[1])))


async def _workflow(blobs: Blobs, node: NodeSnapshot) -> Workflow | None:
    return None if node.workflow is None else await blobs.get_model(node.workflow, Workflow)


async def _scores(blobs: Blobs, ref: BlobRef | None) -> tuple[SampleScores, ...]:
    return tuple(SampleScores.model_validate(row) for row in await _rows(blobs, ref))


async def _rows(blobs: Blobs, ref: BlobRef | None) -> list[dict[str, Any]]:
    return [] if ref is None else await blobs.read_rows(ref)
