"""A working evaluator for its tests: on a real MongoDB, with a model plane that answers from a script."""

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.kit.blobs import Blobs
from graftwork.models.context import model_context
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.plane import GenerateRequest
from graftwork_evaluator.bootstrap import build
from graftwork_evaluator.settings import EvaluatorSettings
from tests.support.off_bus import OffBus
from tests.support.off_bus import off_bus

SPEC = JobSpec(task="Explain fractions to children.", count=1)
NAMES = ("Sound arithmetic", "Plain words", "One clear example", "Fits the reader", "Says why")
METRICS = MetricSet(
    metrics=tuple(Metric(name=n, definition="d", positive_exemplar="p", negative_exemplar="n") for n in NAMES[:2])
)
NOWHERE = BlobRef(key="x", sha256="0" * 64, size_bytes=0)
Script = Callable[[GenerateRequest], FakeAnswer]


async def a_request(blobs: Blobs, rows: list[SampleRow], spec: JobSpec, **more: object) -> ScoresRequested:
    return ScoresRequested.model_validate(
        {
            "job_id": "job",
            "request_id": "job:r1",
            "spec": await blobs.put_json(spec, "specs"),
            "deadline": datetime.now(UTC) + timedelta(minutes=5),
            "evaluation_id": "e1",
            "node_id": "n1",
            "component": ScoreComponent.SAMPLE,
            "workflow": NOWHERE,
            "samples": await blobs.put_rows(rows, "samples"),
            **more,
        }
    )


@dataclass
class Desk:
    """A working evaluator, and what a test needs to talk to it."""

    bus: OffBus

    @property
    def blobs(self) -> Blobs:
        """Where payloads lie."""
        return self.bus.blobs

    async def ask(self, rows: list[SampleRow], spec: JobSpec = SPEC, **more: object) -> None:
        """Request the scores of these samples."""
        await self.bus.send(await a_request(self.blobs, rows, spec, **more))

    async def scores(self) -> tuple[ScoresReady, list[SampleScores]]:
        """The answer, and its matrix."""
        [ready] = await self.bus.wait_for(ScoresReady)
        return ready, await self.blobs.read_models(ready.matrix, SampleScores)

    async def failure(self) -> WorkFailed:
        """The answer of a request that failed."""
        [failed] = await self.bus.wait_for(WorkFailed)
        return failed


@asynccontextmanager
async def at_work(settings: EvaluatorSettings, plane: FakePlane) -> AsyncIterator[Desk]:
    service = replace(await build(settings), context=model_context(plane))
    async with off_bus(service) as bus:
        yield Desk(bus)


def good(index: int, text: str = "A half is one of two equal parts.") -> SampleRow:
    output = {"prompt": "What is a half?", "completion": f"{text} ({index})"}
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed={"topic": f"t{index}"}, output=output)


def failed(index: int) -> SampleRow:
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed={}, reason="crashed", detail="KeyError: 'x'")


def searching(**search: object) -> JobSpec:
    return SPEC.model_copy(update={"search": SearchSpec.model_validate(search)})


def metric_set(names: tuple[str, ...], definition: str = "The text has it") -> FakeAnswer:
    texts = {"positive_exemplar": "good", "negative_exemplar": "bad"}
    return {"metrics": [{"name": name, "definition": f"{definition}: {name}.", **texts} for name in names]}


def judged(request: GenerateRequest, points: int = 4, remark: str = "could be shorter") -> FakeAnswer:
    metric = (request.json_schema or {})["$defs"]["MetricScore"]["properties"]["metric"]
    names = metric.get("enum") or [metric["const"]]
    return {"judgements": [{"metric": n, "justification": f"{n}: {remark}", "score": points} for n in names]}


def one_by_one(*metric_sets: FakeAnswer) -> Script:
    """Answers proposals in turn, the last one again and again, and every sample with a 4."""
    waiting = list(metric_sets)

    def script(request: GenerateRequest) -> FakeAnswer:
        if request.schema_name == "propose_metrics":
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return judged(request)

    return script
