"""The evaluator from event to event, on a real MongoDB, with a model plane that answers from a script."""

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.usage import Grant
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.kit.blobs import Blobs
from graftwork.models.context import model_context
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork_evaluator.bootstrap import build
from graftwork_evaluator.settings import EvaluatorSettings
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
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


@pytest.fixture
def settings(mongo_address: str, tmp_path: Path) -> EvaluatorSettings:
    return settings_for(EvaluatorSettings, kafka="127.0.0.1:1", mongo=mongo_address, home=tmp_path)


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


def metric_set(names: tuple[str, ...], definition: str = "The text has it") -> FakeAnswer:
    texts = {"positive_exemplar": "good", "negative_exemplar": "bad"}
    return {"metrics": [{"name": name, "definition": f"{definition}: {name}.", **texts} for name in names]}


def judged(request: GenerateRequest, points: int = 4, remark: str = "could be shorter") -> FakeAnswer:
    names = (request.json_schema or {})["$defs"]["MetricScore"]["properties"]["metric"]["enum"]
    return {"judgements": [{"metric": n, "justification": f"{n}: {remark}", "score": points} for n in names]}


def one_by_one(*metric_sets: FakeAnswer) -> Script:
    """Answers proposals in turn, the last one again and again, and every sample with a 4."""
    waiting = list(metric_sets)

    def script(request: GenerateRequest) -> FakeAnswer:
        if request.schema_name == "propose_metrics":
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return judged(request)

    return script


async def test_metrics_are_regenerated_and_every_sample_is_scored_by_them(settings: EvaluatorSettings) -> None:
    odd = metric_set(("Colours", "Rhymes", "Weather", "Music", "Smell"), "It mentions")
    plane = FakePlane(one_by_one(odd, metric_set(NAMES), metric_set(NAMES[::-1])))
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0), good(1), failed(2)])
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, matrix = await desk.scores()
        chosen = await desk.blobs.get_model(regenerated.metrics, MetricSet)
    assert set(regenerated.names) == set(NAMES)
    assert regenerated.overlaps[0] < regenerated.overlaps[regenerated.chosen] == max(regenerated.overlaps)
    assert (len(regenerated.overlaps), regenerated.measure) == (3, "lexical")
    assert tuple(metric.name for metric in chosen.metrics) == regenerated.names
    assert (ready.metrics, ready.component) == (regenerated.metrics, ScoreComponent.SAMPLE)
    assert ready.score == pytest.approx((4 + 4 + 1) / 3)
    assert [(row.sample_id, row.failed, len(row.judgements)) for row in matrix] == [
        ("s0", False, 5),
        ("s1", False, 5),
        ("s2", True, 5),
    ]
    assert ready.suggestions[0] == "no sample (1x): crashed: KeyError: 'x'"
    assert ready.used["evaluator"].calls == plane.calls["evaluator"] == 3 + 2


async def test_given_metrics_are_not_regenerated(settings: EvaluatorSettings) -> None:
    plane = FakePlane(judged)
    async with at_work(settings, plane) as desk:
        ref = await desk.blobs.put_json(METRICS, "metrics")
        await desk.ask([good(0)], metrics=ref)
        ready, [row] = await desk.scores()
        regenerated = await desk.bus.all(MetricsRegenerated)
    assert (regenerated, ready.metrics, ready.score) == ([], ref, 4.0)
    assert set(row.judgements) == {"Sound arithmetic", "Plain words"}
    assert [request.schema_name for request in plane.requests] == ["score_sample"]
    assert plane.requests[0].temperature == 0.0


def only_the_first_asked_for(answer: FakeAnswer, otherwise: FakeAnswer, schema_name: str) -> Script:
    """Answers the first question of this role call, and its repairs, with ``answer``; samples get a 4."""
    lucky: list[int | None] = []

    def script(request: GenerateRequest) -> FakeAnswer:
        if request.schema_name != schema_name:
            return judged(request)
        lucky.append(request.seed)
        return answer if request.seed == lucky[0] else otherwise

    return script


async def test_one_valid_candidate_set_suffices(settings: EvaluatorSettings) -> None:
    script = only_the_first_asked_for(metric_set(NAMES), "I cannot do that.", "propose_metrics")
    async with at_work(settings, FakePlane(script)) as desk:
        await desk.ask([good(0)])
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, _ = await desk.scores()
    assert (regenerated.overlaps, regenerated.chosen, regenerated.names) == ((0.0,), 0, NAMES)
    assert ready.used["evaluator"].calls == 1 + 2 * 3 + 1


async def test_no_valid_candidate_set_is_a_typed_failure(settings: EvaluatorSettings) -> None:
    plane = FakePlane(lambda _request: "I cannot do that.")
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)])
        failure = await desk.failure()
    assert (failure.stage, failure.code, failure.error_class) == ("propose_metrics", "invalid_answer", "permanent")
    assert "Invalid JSON" in failure.message
    assert failure.used["evaluator"].calls == 3 * 3


async def test_an_invalid_answer_is_shown_back_with_what_was_wrong(settings: EvaluatorSettings) -> None:
    def script(request: GenerateRequest) -> FakeAnswer:
        return judged(request, points=9 if len(request.messages) == 2 else 3)

    plane = FakePlane(script)
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], metrics=await desk.blobs.put_json(METRICS, "metrics"))
        ready, _ = await desk.scores()
    assert ready.score == 3.0
    assert "judgements.0.score: Input should be 1, 2, 3, 4 or 5" in plane.requests[1].messages[-1].content


async def test_a_sample_that_stays_unscored_is_left_out_and_more_than_half_fail(settings: EvaluatorSettings) -> None:
    def script(request: GenerateRequest) -> FakeAnswer:
        return "" if "stubborn" in request.messages[1].content else judged(request, points=2)

    async with at_work(settings, FakePlane(script)) as desk:
        metrics = await desk.blobs.put_json(METRICS, "metrics")
        await desk.ask([good(0), good(1, "stubborn")], metrics=metrics)
        ready, matrix = await desk.scores()
        await desk.ask([good(0), good(1, "stubborn"), good(2, "stubborn")], metrics=metrics, request_id="job:r2")
        failure = await desk.failure()
    assert ready.score == 2.0
    assert [len(row.judgements) for row in matrix] == [2, 0]
    assert (failure.request_id, failure.code) == ("job:r2", "too_few_scored")
    assert "2 of 3 samples could not be scored" in failure.message


async def test_overlap_is_measured_by_the_jobs_embedder(settings: EvaluatorSettings) -> None:
    plane = FakePlane(
        one_by_one(metric_set(NAMES)), pools=[describe_fake("evaluator"), describe_fake("embedder", "tiny-embedder")]
    )
    spec = SPEC.model_copy(update={"models": ModelsSpec(embedder=RoleModel(pool="embedder"))})
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], spec)
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, _ = await desk.scores()
    assert regenerated.measure == "embedding:tiny-embedder"
    assert regenerated.overlaps == pytest.approx((1.0, 1.0, 1.0))
    assert ready.used["embedder"].calls == 1


async def test_a_compact_job_is_asked_in_short_fields(settings: EvaluatorSettings) -> None:
    def script(request: GenerateRequest) -> FakeAnswer:
        if request.schema_name == "propose_metrics":
            return metric_set(NAMES[:3])
        return {name: {"why": "it does", "score": 3} for name in (request.json_schema or {})["properties"]}

    plane = FakePlane(script)
    spec = SPEC.model_copy(update={"models": ModelsSpec(profile=Profile.COMPACT)})
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], spec)
        ready, [row] = await desk.scores()
    assert (ready.score, set(row.judgements)) == (3.0, set(NAMES[:3]))
    assert {request.max_tokens for request in plane.requests} == {600, 300}


async def test_a_grant_that_is_too_small_ends_the_request_and_tells_what_was_used(settings: EvaluatorSettings) -> None:
    plane = FakePlane(one_by_one(metric_set(NAMES)))
    async with at_work(settings, plane) as desk:
        await desk.ask([good(n) for n in range(4)], grant=Grant(calls=5))
        failure = await desk.failure()
    assert (failure.stage, failure.code) == ("score_samples", "grant_exhausted")
    assert failure.used["evaluator"].calls == 5


async def test_nothing_but_failed_candidates_cannot_make_metrics(settings: EvaluatorSettings) -> None:
    plane = FakePlane(judged)
    async with at_work(settings, plane) as desk:
        await desk.ask([failed(0)])
        failure = await desk.failure()
        await desk.ask([failed(0)], metrics=await desk.blobs.put_json(METRICS, "metrics"), request_id="job:r2")
        ready, _ = await desk.scores()
    assert (failure.code, ready.score) == ("nothing_to_judge", 1.0)
    assert plane.requests == []


async def test_the_workflow_half_is_left_to_the_optimizer(settings: EvaluatorSettings) -> None:
    plane = FakePlane(judged)
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], component=ScoreComponent.WORKFLOW, request_id="job:workflow")
        await desk.ask([good(0)], metrics=await desk.blobs.put_json(METRICS, "metrics"))
        ready, _ = await desk.scores()
    assert ready.request_id == "job:r1"
    assert len(plane.requests) == 1


async def test_requests_come_and_answers_go_over_kafka(settings: EvaluatorSettings, kafka_address: str) -> None:
    settings = settings.model_copy(update={"kafka": kafka_address})
    service = replace(await build(settings), context=model_context(FakePlane(one_by_one(metric_set(NAMES)))))
    async with bus_of(settings) as bus, running(service):
        await bus.send(await a_request(service.blobs, [good(0)], SPEC))
        [ready] = await bus.wait_for(ScoresReady)
    assert ready.score == 4.0
    assert [event.names for event in bus.all(MetricsRegenerated)] == [NAMES]
