"""What a job is doing."""

from typing import Annotated

from fastapi import Header
from fastapi import Path
from fastapi import Query
from fastapi import Response

from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import TreeView
from graftwork_gateway import streams
from graftwork_gateway.details import node_view
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.responses import Streamed
from graftwork_gateway.routes.jobs import JobId
from graftwork_gateway.routing import api_router
from graftwork_gateway.routing import nothing_more
from graftwork_gateway.routing import problems
from graftwork_gateway.views import job_view

router = api_router("progress")

LastEvent = Annotated[int, Header(alias="Last-Event-ID", ge=0, le=2**53, description="go on behind this version")]
NodeId = Annotated[str, Path(description="`node_id` of the tree")]
SampleCount = Annotated[int, Query(ge=0, le=200, description="most samples to show")]


@router.get(
    "/jobs/{job_id}/events",
    summary="Follow a job",
    response_class=streams.Frames,
    responses={
        200: {
            "model": JobEvent,
            "description": "`id:` is the version, `event:` what happened, `data:` a JobEvent. "
            "Ends with `event: job.finished`, unless the job was extended or retried since; "
            "reconnect with `Last-Event-ID` otherwise",
        },
        204: {"description": "The job has ended, and there is nothing behind that version"},
        **problems(404),
    },
)
async def follow_job(job_id: JobId, door: Ports, tenant: Tenant, last_event_id: LastEvent = 0) -> Response:
    """Server-sent events: every version of the job once, in order, from the first one on."""
    job = await door.store.job(tenant, job_id)
    if job.all_told and last_event_id >= job.version:
        return nothing_more()
    return Streamed(
        streams.follow(door, tenant, job_id, last_event_id),
        send_seconds=door.settings.stream_send_seconds,
        media_type=streams.Frames.media_type,
        headers={"X-Accel-Buffering": "no"},
    )


@router.get("/jobs/{job_id}/tree", summary="Show the tree", responses=problems(404))
async def show_tree(job_id: JobId, door: Ports, tenant: Tenant) -> TreeView:
    """The job and all its nodes."""
    job = await door.store.job(tenant, job_id)
    nodes = await door.store.nodes(tenant, job_id)
    return TreeView(job=job_view(job), nodes=tuple(row.node for row in nodes))


@router.get("/jobs/{job_id}/nodes/{node_id}", summary="Show a node", responses=problems(404, 410))
async def show_node(job_id: JobId, node_id: NodeId, door: Ports, tenant: Tenant, samples: SampleCount = 20) -> NodeView:
    """A node in full: prompts and code, what changed and why, samples, metrics, scores with their justifications."""
    node = (await door.store.node(tenant, job_id, node_id)).node
    parent = await door.store.parent(tenant, job_id, node)
    return await node_view(door.blobs, job_id, node, parent, samples=samples)
