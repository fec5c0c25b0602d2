"""What follows from more than its parent, told to the trace by links: several answers, or another trace of the job."""

from typing import Any

from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import is_recorded
from graftwork.kit.tracing import link
from graftwork.kit.tracing import trace_id_of
from graftwork_search.documents import REQUESTS
from graftwork_search.documents import JobDocument
from graftwork_search.documents import Stage
from graftwork_search.session import JobSession


def link_job(job: JobDocument) -> None:
    """What a client asks of a job later has a trace of its own: link the one in which the job began."""
    if trace_id_of(job.traceparent) != trace_id_of(inherited_traceparent()):
        link([job.traceparent])


async def link_answers(session: JobSession, *stages: Stage, **which: Any) -> None:
    """The last of several answers goes on for all: link the others."""
    if not is_recorded():
        return
    closed = {"job_id": session.job.id, "stage": {"$in": [stage.value for stage in stages]}, "open": False, **which}
    rows = await session.tx.find(REQUESTS, closed, projection={"answered_by": 1})
    link({row.get("answered_by") for row in rows} - {inherited_traceparent()})
