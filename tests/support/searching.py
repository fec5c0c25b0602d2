"""A search service whose client, reviewer and workers are played by the test, on real Kafka and MongoDB."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import TypeVar

from graftwork.contracts.events import Continuation
from graftwork.contracts.events import Decision
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import event_id
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.service import Service
from graftwork_search.bootstrap import build
from graftwork_search.documents import REQUESTS
from graftwork_search.settings import SearchSettings
from graftwork_search.work import RequestDeadline
from graftwork_search.work import WallClock
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.workers import Answers
from tests.support.workers import Script
from tests.support.workers import Workers
from tests.support.workers import answer_to

JOB = "job-1"
E = TypeVar("E", bound=EventData)
Scripts = Mapping[type[EventData], Script]


def a_spec(**more: Any) -> dict[str, Any]:
    """A job of 12 rows and three iterations."""
    search = {"iterations": 3, "evaluation_samples": 4, "patience": 99, **more.pop("search", {})}
    return {"task": "explanations of fractions", "count": 12, "search": search, **more}


def a_failure(request: Any, code: str) -> EventData:
    """A worker gives a request up."""
    return answer_to(request, WorkFailed, stage="x", code=code, error_class="permanent", message="it did not work")


def in_first_run(kind: type[EventData], answers: Script, only: Callable[[Any], bool] | None = None) -> Scripts:
    """Requests of a type (or ``only`` some of them) get these answers in the first run, and the usual ones after it."""

    def scripted(request: Any, workers: Workers) -> Answers | None:
        if request.run or (only is not None and not only(request)):
            return None
        return answers(request, workers)

    return {kind: scripted}


def refused(request: Any, _workers: Workers) -> Answers:
    """The worker gives it up."""
    return [a_failure(request, "broken")]


def silent(_request: Any, _workers: Workers) -> Answers:
    """The worker keeps it for itself."""
    return []


class Play:
    """One job of a running search service."""

    def __init__(self, service: Service, bus: Bus, workers: Workers) -> None:
        self.service = service
        self.bus = bus
        self.workers = workers
        self._people = itertools.count()

    async def submit(self, spec: dict[str, Any], *, preview: bool = False) -> None:
        """Submit the job as the gateway would."""
        ref = await Blobs.open(self.service.settings.blobs).put_json(JobSpec.model_validate(spec), "specs")
        told = {"tenant": "t", "spec": ref, "submitted_at": datetime.now(UTC), "preview": preview}
        await self.bus.send(JobSubmitted.model_validate({"job_id": JOB, **told}))

    async def answer_review(self, review_id: str, decision: Decision, feedback: str | None = None) -> None:
        """Say what a person says."""
        answer = ReviewSubmitted(
            job_id=JOB, review_id=review_id, decision=decision, feedback=feedback, submitted_at=datetime.now(UTC)
        )
        await self.bus.send(answer, source=self._somebody_new())

    async def extend(self, rows: int, request_id: str = "more") -> None:
        """Ask for more rows."""
        await self._continue(request_id, Continuation.EXTEND, rows)

    async def retry(self, request_id: str = "again") -> None:
        """Ask for another try."""
        await self._continue(request_id, Continuation.RETRY, 0)

    async def _continue(self, request_id: str, kind: Continuation, rows: int) -> None:
        asked = JobContinuationRequested(job_id=JOB, request_id=request_id, kind=kind, rows=rows)
        await self.bus.send(asked, source=self._somebody_new())

    def _somebody_new(self) -> str:
        """A source of its own for every event, so that a repeated answer is not taken for a redelivered one."""
        return f"/tests/people/{next(self._people)}"

    async def cancel(self, run: int = 0) -> None:
        """Ask to stop."""
        await self.bus.send(JobCancellationRequested(job_id=JOB, run=run))

    async def handled(self, kind: type[EventData], count: int = 1) -> None:
        """Return once search has taken in so many events of a type, whatever it made of them."""

        async def enough() -> None:
            where = {"type": f"graftwork.{kind.event_name}.v1"}
            assert await self.service.ledger.read.count(INBOX, where) >= count

        await assert_eventually(enough, timeout_seconds=90)

    async def told_late(self, data: EventData) -> None:
        """Send an event, and return once search has taken it in."""
        source = self._somebody_new()
        await self.bus.send(data, source=source)

        async def there() -> None:
            assert await self.service.ledger.read.count(INBOX, {"_id": derived_id(source, event_id(data))}) == 1

        await assert_eventually(there, timeout_seconds=90)

    async def let_half_of_the_time_pass(self) -> None:
        """Let the clock of the search's half ring now."""
        ledger = self.service.ledger
        clock = {"kind": WallClock.kind, "payload.search_only": True}
        await ledger.database[TASKS].update_one(clock, {"$set": {"due": ledger.clock.now()}})

    async def let_patience_end(self, request_id: str) -> None:
        """Let the deadline of a request pass now, and return once search has taken note."""
        ledger = self.service.ledger
        deadline = {"kind": RequestDeadline.kind, "payload.request_id": request_id}
        await ledger.database[TASKS].update_one(deadline, {"$set": {"due": ledger.clock.now()}})

        async def closed() -> None:
            assert await ledger.read.count(REQUESTS, {"_id": request_id, "open": False}) == 1

        await assert_eventually(closed, timeout_seconds=90)

    async def review(self, number: int = 1) -> ReviewRequested:
        """The ``number``-th review asked for."""
        await self.until(lambda: len(self.bus.all(ReviewRequested)) >= number)
        return self.bus.all(ReviewRequested)[number - 1]

    async def ended(self, run: int = 0) -> JobFinished:
        """The last word of a run, once all that was said before it is heard too."""
        await self.until(lambda: run in self._ends(), timeout_seconds=120)
        end = self._ends()[run]
        await self.until(lambda: len(self.bus.all(SearchAdvanced)) >= end.snapshot.version - run - 1)
        return end

    async def stopped_while_out(self, kind: type[EventData], /, count: int = 1, **like: object) -> JobFinished:
        """Cancel the job while workers hold such requests back, and let them give these up."""
        await self.until(lambda: len(self.asked(kind, **like)) >= count)
        await self.cancel()
        await self.until(lambda: self.bus.all(JobStopping))
        for held in self.asked(kind, **like):
            await self.bus.send(a_failure(held, "job_stopped"))
        return await self.ended()

    def _ends(self) -> dict[int, JobFinished]:
        return {end.snapshot.run: end for end in self.bus.all(JobFinished)}

    async def until(self, happened: Callable[[], object], timeout_seconds: float = 90) -> None:
        """Return once ``happened`` gives something true."""

        def check() -> None:
            assert happened()

        await assert_eventually(check, timeout_seconds=timeout_seconds)

    def asked(self, kind: type[E], /, **like: object) -> list[E]:
        """Requests of a type that went out, with fields as given."""
        requests = [request for request in self.workers.asked if isinstance(request, kind)]
        return [r for r in requests if all(getattr(r, name) == value for name, value in like.items())]

    def told(self) -> list[SearchAdvanced]:
        """What search has told, in its order."""
        return sorted(self.bus.all(SearchAdvanced), key=lambda event: event.version)

    def said(self) -> list[str]:
        """Short names of what search has told, in its order."""
        return [event.what for event in self.told()]

    def snapshot(self) -> JobSnapshot:
        """The job as last told."""
        return self.told()[-1].snapshot

    def nodes(self) -> dict[int, NodeSnapshot]:
        """Last snapshot of each node, by round."""
        return {event.node.round: event.node for event in self.told() if event.node is not None}


@asynccontextmanager
async def play(settings: SearchSettings, script: Scripts | None = None) -> AsyncIterator[Play]:
    """Run search, and workers that answer as the script says."""
    async with bus_of(settings) as bus, running(await build(settings)) as service:
        workers = Workers(bus, script)
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(workers.run())
            yield Play(service, bus, workers)
            playing.cancel()
