"""Server-sent events of a job: every version once, in order, as long as the client listens.

A stream reads a page from the ledger only when the client has taken the one before, so a slow client
costs a page of memory and nothing else.
"""

from collections.abc import AsyncGenerator
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime

from fastapi.sse import format_sse_event
from starlette.responses import Response

from graftwork.contracts.rest import LAST_EVENT
from graftwork_gateway.documents import EventRow
from graftwork_gateway.door import Door
from graftwork_gateway.errors import NotFound

PAGE = 50
_RECONNECT_MS = 2_000
_OPENING = format_sse_event(comment="graftwork", retry=_RECONNECT_MS)
_KEEP_ALIVE = format_sse_event(comment="keep-alive")


class Frames(Response):
    """What the route of a stream answers with; for the OpenAPI document."""

    media_type = "text/event-stream"


async def follow(door: Door, tenant: str, job_id: str, after: int) -> AsyncGenerator[bytes, None]:
    """Frames behind version ``after``, until the job has ended for good or this process is about to."""
    settings, watchers = door.settings, door.watchers
    with watchers.watching(job_id) as bell:
        yield _OPENING
        while True:
            rows = await door.store.events(tenant, job_id, after, PAGE)
            ready = deliverable(rows, after, door.clock.now(), settings.stream_gap_seconds)
            for row in ready:
                yield frame(row)
                after = row.version
            if ready and ready[-1].event.what != LAST_EVENT:
                continue
            if await _all_told(door, tenant, job_id, after):
                return
            if ready:
                continue
            if watchers.closed:
                return
            await bell.wait(settings.keep_alive_seconds)
            yield _KEEP_ALIVE


async def _all_told(door: Door, tenant: str, job_id: str, after: int) -> bool:
    """Whether nothing is known behind the job's end; one that is extended or retried goes on."""
    try:
        job = await door.store.job(tenant, job_id)
    except NotFound:
        return True  # deleted meanwhile
    return job.all_told and after >= job.version


def deliverable(rows: Sequence[EventRow], after: int, now: datetime, gap_seconds: float) -> Sequence[EventRow]:
    """The rows, sorted by version, that may be sent behind version ``after``; that row itself may lead them.

    Versions are sent without gaps. What lies behind a missing version waits for it, but not for ever: when
    neither side of the gap is younger than ``gap_seconds``, the missing one lies in a dead letter topic, and
    the rest matters more.
    """
    ready: list[EventRow] = []
    told_at = datetime.min.replace(tzinfo=UTC)
    for row in rows:
        if row.version > after:
            waited_seconds = (now - max(told_at, row.at)).total_seconds()
            if row.version != after + 1 and waited_seconds < gap_seconds:
                break
            ready.append(row)
            after = row.version
        told_at = row.at
    return ready


def frame(row: EventRow) -> bytes:
    """One event on the wire."""
    return format_sse_event(data_str=row.event.model_dump_json(), event=row.event.what, id=str(row.version))
