"""A gateway of canned answers behind httpx's own mock transport."""

from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime

import httpx
from typing_extensions import override

from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import Problem
from graftwork.contracts.snapshots import JobSnapshot

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Gateway:
    """Gives the answers in order, and keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers: Iterator[httpx.Response | Exception] = iter(answers)
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks after its parts."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    @override
    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts
        raise httpx.ReadError("connection reset")

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in iter(self):
            yield part


def event(version: int, *, last: int = 0) -> JobEvent:
    what = LAST_EVENT if version == last else "node.scored"
    snapshot = JobSnapshot(
        job_id="job-1", version=version, state=JobState.RUNNING, phase=JobPhase.SEARCHING, updated_at=NOW
    )
    return JobEvent(version=version, what=what, snapshot=snapshot)


def frames(*events: JobEvent) -> bytes:
    """Events as the gateway sends them, with the comments that keep a connection alive."""
    return b": graftwork\nretry: 2000\n\n" + b"".join(
        f"id: {e.version}\nevent: {e.what}\ndata: {e.model_dump_json()}\n\n: keep-alive\n\n".encode() for e in events
    )


def stream(*events: JobEvent, broken: bool = False) -> httpx.Response:
    headers = {"Content-Type": "text/event-stream; charset=utf-8"}
    if broken:
        return httpx.Response(200, headers=headers, stream=Broken([frames(*events)]))
    return httpx.Response(200, headers=headers, content=frames(*events))


def job(job_id: str = "job-1") -> JobView:
    return JobView(
        id=job_id, name="fractions", task="Write about fractions.", count=20, strategy="autosynth",
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def answer(model: JobView) -> httpx.Response:
    return httpx.Response(200, content=model.model_dump_json())


def problem(status: int, detail: str = "", *, headers: dict[str, str] | None = None) -> httpx.Response:
    body = Problem(type="urn:graftwork:problem:test", title="Trouble", status=status, detail=detail)
    return httpx.Response(
        status, headers={"Content-Type": PROBLEM_MEDIA_TYPE, **(headers or {})}, content=body.model_dump_json()
    )
