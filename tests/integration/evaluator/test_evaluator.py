"""The evaluator from event to event, on a real MongoDB, with a model plane that answers from a script."""

from dataclasses import replace

import pytest

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.usage import Grant
from graftwork.contracts.workflows import MetricSet
from graftwork.models.context import model_context
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork_evaluator.bootstrap import build
from graftwork_evaluator.settings import EvaluatorSettings
from tests.support.evaluator_desk import METRICS
from tests.support.evaluator_desk import NAMES
from tests.support.evaluator_desk import SPEC
from tests.support.evaluator_desk import Script
from tests.support.evaluator_desk import a_request
from tests.support.evaluator_desk import at_work
from tests.support.evaluator_desk import failed
from tests.support.evaluator_desk import good
from tests.support.evaluator_desk import judged
from tests.support.evaluator_desk import metric_set
from tests.support.evaluator_desk import one_by_one
from tests.support.in_process import bus_of
from tests.support.in_process import running


async def test_metrics_are_regenerated_and_every_sample_is_scored_by_them(settings: EvaluatorSettings) -> None:
    odd = metric_set(("Colours", "Rhymes", "Weather", "Music", "Smell"), "It mentions")
    plane = FakePlane(one_by_one(odd, metric_set(NAMES), metric_set(NAMES[::-1])))
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0), good(1), failed(2)])
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, matrix = await desk.scores()
        chosen = await desk.blobs.get_model(regenerated.metrics, MetricSet)
        candidates = [await desk.blobs.get_model(ref, MetricSet) for ref in regenerated.candidates]
    assert set(regenerated.names) == set(NAMES)
    assert regenerated.overlaps[0] < regenerated.overlaps[regenerated.chosen] == max(regenerated.overlaps)
    assert (len(regenerated.overlaps), regenerated.measure, regenerated.dropped) == (3, "lexical", {})
    assert {candidate.metrics[0].name for candidate in candidates} == {"Colours", NAMES[0], NAMES[-1]}
    assert candidates[regenerated.chosen] == chosen
    assert tuple(metric.name for metric in chosen.metrics) == regenerated.names
    assert (ready.metrics, ready.component) == (regenerated.metrics, ScoreComponent.SAMPLE)
    assert ready.score == pytest.approx((4 + 4 + 1) / 3)
    assert [(row.sample_id, row.failed, len(row.judgements)) for row in matrix] == [
        ("s0", False, 5),
        ("s1", False, 5),
        ("s2", True, 5),
    ]
    assert (ready.by_sample, ready.anchor_score, ready.anchor_matrix) == ((4.0, 4.0, 1.0), None, None)
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


async def test_a_deleted_job_is_forgotten(settings: EvaluatorSettings) -> None:
    async with at_work(settings, FakePlane(one_by_one(metric_set(NAMES)))) as desk:
        await desk.ask([good(0)])
        await desk.scores()
        await desk.bus.forget("job")


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
