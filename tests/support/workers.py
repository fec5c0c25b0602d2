"""Plays all the workers of the platform for tests of search: answers every request, as a script says."""

import asyncio
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetPublished
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import EventData
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import SamplesAccepted
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.ids import digest
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.usage import Usage
from graftwork.kit.clock import SystemClock
from tests.support.in_process import Bus

Answers = list[EventData]
Script = Callable[[Any, "Workers"], Answers | None]


def blob(name: str) -> BlobRef:
    """Reference to a payload that nobody reads."""
    return BlobRef(key=name, sha256=digest(name), size_bytes=1)


class Workers:
    """Answers with what is usual, unless ``script`` has something else for a request type.

    A script returns None for the usual answer and an empty list for silence.
    """

    def __init__(self, bus: Bus, script: Mapping[type[EventData], Script] | None = None) -> None:
        self.bus = bus
        self.script = dict(script or {})
        self.accepted: dict[str, int] = {}
        self.asked: list[EventData] = []
        self._seen = 0

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self.bus.listen()
            for event in self.bus.heard[self._seen :]:
                await self._answer(event.data)
            self._seen = len(self.bus.heard)
            await asyncio.sleep(0)

    def usual(self, request: EventData) -> Answers:
        """What a worker that has no trouble says."""
        usual = _USUAL.get(type(request))
        return usual(request, self) if usual else []

    async def _answer(self, request: EventData) -> None:
        if type(request) not in _USUAL:
            return
        self.asked.append(request)
        scripted = self.script.get(type(request))
        answers = scripted(request, self) if scripted else None
        for answer in self.usual(request) if answers is None else answers:
            await self.bus.send(answer, source=f"/tests/{type(request).__name__}")


def used(calls: int = 1) -> dict[str, Usage]:
    """Usage of a worker."""
    return {"pool": Usage(calls=calls, prompt_tokens=10 * calls, completion_tokens=5 * calls, cost_usd=0.01 * calls)}


def answer_to(request: Any, kind: type[EventData], **fields: Any) -> EventData:
    """Answer of a type, with the request's ids."""
    return kind.model_validate({"job_id": request.job_id, "request_id": request.request_id, "used": used(), **fields})


def _seeds(request: SeedsRequested, _workers: Workers) -> Answers:
    return [answer_to(request, SeedsProposed, space=blob("space"), size=100)]


def _workflow(request: WorkflowRequested, _workers: Workers) -> Answers:
    name = f"workflow of {request.request_id}"
    return [
        answer_to(
            request,
            WorkflowProposed,
            node_id=request.node_id,
            workflow=blob(name),
            workflow_sha256=digest(name),
            shape_sha256=digest(name),
            modification=f"change made by {request.request_id}",
        )
    ]


def _samples(request: SamplesRequested, _workers: Workers) -> Answers:
    return [
        answer_to(
            request,
            SamplesGenerated,
            node_id=request.node_id,
            purpose=request.purpose,
            samples=blob(f"{request.purpose}:{request.first}:{request.count}"),
            ok=request.count,
        )
    ]


def _scores(request: ScoresRequested, _workers: Workers) -> Answers:
    metrics = request.metrics or blob(f"metrics of {request.node_id}")
    score = answer_to(
        request,
        ScoresReady,
        evaluation_id=request.evaluation_id,
        node_id=request.node_id,
        component=request.component,
        score=3.0,
        matrix=blob("matrix"),
        metrics=metrics if request.component is ScoreComponent.SAMPLE else None,
        suggestions=["be kind"],
    )
    if request.component is ScoreComponent.WORKFLOW or request.metrics is not None:
        return [score]
    told = MetricsRegenerated(
        job_id=request.job_id,
        evaluation_id=request.evaluation_id,
        node_id=request.node_id,
        metrics=metrics,
        names=("clear",),
        overlaps=(0.5, 0.6, 0.4),
        chosen=1,
    )
    return [told, score]


def _candidates(request: AcceptanceRequested) -> int:
    return sum(int(ref.key.rsplit(":", 1)[1]) for ref in request.samples)


def accept(request: AcceptanceRequested, workers: Workers, *, duplicates: int = 0) -> EventData:
    """Accept what is needed of all but some duplicates."""
    candidates = _candidates(request)
    before = workers.accepted.get(request.job_id, 0)
    most = request.needed if request.wanted is None else min(request.needed, request.wanted - before)
    accepted = min(most, candidates - duplicates)
    total = workers.accepted[request.job_id] = before + accepted
    return answer_to(
        request,
        SamplesAccepted,
        used={},
        round=request.round,
        accepted=accepted,
        rejected={"exact_duplicate": duplicates} if duplicates else {},
        surplus=candidates - duplicates - accepted,
        total_accepted=total,
        short=request.needed - accepted if request.wanted is None else request.wanted - total,
    )


def _acceptance(request: AcceptanceRequested, workers: Workers) -> Answers:
    return [accept(request, workers)]


def _dataset(request: DatasetRequested, _workers: Workers) -> Answers:
    summary = DatasetSummary(
        dataset_id=f"ds-{request.job_id}",
        job_id=request.job_id,
        name="dataset",
        location="datasets/x",
        rows=request.counts.accepted,
        counts=request.counts,
        complete=request.complete,
        files=(),
        sha256=digest("files"),
        published_at=SystemClock().now(),
    )
    return [answer_to(request, DatasetPublished, used={}, dataset=summary)]


_USUAL: dict[type[EventData], Callable[[Any, Workers], Answers]] = {
    SeedsRequested: _seeds,
    WorkflowRequested: _workflow,
    SamplesRequested: _samples,
    ScoresRequested: _scores,
    AcceptanceRequested: _acceptance,
    DatasetRequested: _dataset,
}
