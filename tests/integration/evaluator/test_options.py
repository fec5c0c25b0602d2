"""What a job may choose of the metrics: where they come from, their calibration, and the anchor beside them."""

import pytest

from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import OwnMetric
from graftwork.contracts.jobs import RoleModel
from graftwork.contracts.usage import Grant
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import SampleScores
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.plane import GenerateRequest
from graftwork_evaluator.settings import EvaluatorSettings
from tests.support.evaluator_desk import METRICS
from tests.support.evaluator_desk import NAMES
from tests.support.evaluator_desk import SPEC
from tests.support.evaluator_desk import Script
from tests.support.evaluator_desk import at_work
from tests.support.evaluator_desk import failed
from tests.support.evaluator_desk import good
from tests.support.evaluator_desk import judged
from tests.support.evaluator_desk import metric_set
from tests.support.evaluator_desk import one_by_one
from tests.support.evaluator_desk import searching


async def test_a_single_set_is_proposed_once_and_not_compared(settings: EvaluatorSettings) -> None:
    plane = FakePlane(one_by_one(metric_set(NAMES)))
    spec = searching(metrics="single").model_copy(update={"models": ModelsSpec(embedder=RoleModel(pool="nowhere"))})
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], spec)
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        await desk.scores()
    assert (regenerated.measure, regenerated.overlaps, regenerated.candidates) == (
        "alone",
        (0.0,),
        (regenerated.metrics,),
    )
    assert [request.schema_name for request in plane.requests] == ["propose_metrics", "score_sample"]


async def test_the_users_own_metrics_are_the_fixed_set_and_nothing_is_proposed(settings: EvaluatorSettings) -> None:
    own = (OwnMetric(name="Kind", definition="It is kind."), OwnMetric(name="Short", definition="It is short."))
    plane = FakePlane(judged)
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], searching(metrics="fixed", own_metrics=own))
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, [row] = await desk.scores()
        stored = await desk.blobs.get_model(regenerated.metrics, MetricSet)
    assert (regenerated.names, regenerated.measure) == (("Kind", "Short"), "own")
    assert [(metric.name, metric.definition) for metric in stored.metrics] == [(m.name, m.definition) for m in own]
    assert (ready.metrics, ready.score, set(row.judgements)) == (regenerated.metrics, 4.0, {"Kind", "Short"})
    assert [request.schema_name for request in plane.requests] == ["score_sample"]
    assert "would earn" not in plane.requests[0].messages[1].content


async def test_own_metrics_that_are_not_fixed_do_not_replace_the_proposal(settings: EvaluatorSettings) -> None:
    own = (OwnMetric(name="Kind", definition="It is kind."),)
    async with at_work(settings, FakePlane(one_by_one(metric_set(NAMES)))) as desk:
        await desk.ask([good(0)], searching(own_metrics=own))
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
    assert regenerated.names == NAMES


def calibrating(*, kind: str) -> Script:
    """Scores exemplars as meant, but for those of the metric ``kind``, which it gives a 3; samples get a 4."""

    def script(request: GenerateRequest) -> FakeAnswer:
        if request.schema_name == "propose_metrics":
            return metric_set(NAMES)
        user = request.messages[1].content
        if "would earn" in user:
            return judged(request)
        return judged(request, 3 if f"name: {kind}\n" in user else 5 if "\ngood\n" in user else 1)

    return script


async def test_metrics_that_fail_their_own_exemplars_are_dropped_before_scoring(settings: EvaluatorSettings) -> None:
    plane = FakePlane(calibrating(kind=NAMES[1]))
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], searching(calibrate_metrics=True))
        [regenerated] = await desk.bus.wait_for(MetricsRegenerated)
        ready, [row] = await desk.scores()
    kept = (NAMES[0], *NAMES[2:])
    assert (regenerated.names, set(row.judgements)) == (kept, set(kept))
    assert regenerated.dropped == {
        NAMES[1]: "its positive exemplar scored 3, below 4; its negative exemplar scored 3, above 2"
    }
    assert (ready.metrics, regenerated.metrics in regenerated.candidates) == (regenerated.metrics, False)
    calls = {kind: used["evaluator"].calls for kind, used in ready.used_by_task.items()}
    assert calls == {"propose_metrics": 3, "calibrate_metrics": 2 * len(NAMES), "score_samples": 1}


async def test_the_anchor_is_scored_in_calls_of_its_own(settings: EvaluatorSettings) -> None:
    def script(request: GenerateRequest) -> FakeAnswer:
        return judged(request, 2 if "Anchored" in request.messages[1].content else 5)

    plane = FakePlane(script)
    one = METRICS.metrics[0].model_copy(update={"name": "Anchored"})
    async with at_work(settings, plane) as desk:
        anchor = await desk.blobs.put_json(MetricSet(metrics=(one,)), "metrics")
        metrics = await desk.blobs.put_json(METRICS, "metrics")
        await desk.ask([good(0), good(1), failed(2)], metrics=metrics, anchor=anchor)
        ready, _ = await desk.scores()
        assert ready.anchor_matrix is not None
        anchored = await desk.blobs.read_models(ready.anchor_matrix, SampleScores)
    assert ready.score == pytest.approx(11 / 3)
    assert ready.anchor_score == pytest.approx(5 / 3)
    assert [[j.score for j in row.judgements.values()] for row in anchored] == [[2], [2], [1]]
    assert not any("Anchored" in suggestion for suggestion in ready.suggestions)
    shown = [request.messages[1].content for request in plane.requests]
    assert [("Anchored" in text, NAMES[0] in text) for text in shown] == [(False, True)] * 2 + [(True, False)] * 2


async def test_a_set_that_is_its_own_anchor_is_scored_once(settings: EvaluatorSettings) -> None:
    plane = FakePlane(judged)
    async with at_work(settings, plane) as desk:
        metrics = await desk.blobs.put_json(METRICS, "metrics")
        await desk.ask([good(0)], metrics=metrics, anchor=metrics)
        ready, _ = await desk.scores()
    assert (ready.anchor_score, ready.anchor_matrix, len(plane.requests)) == (4.0, ready.matrix, 1)


@pytest.mark.parametrize("grant", [Grant(), Grant(calls=2)], ids=["no valid answer", "the grant is used up"])
async def test_an_evaluation_stands_without_its_anchor(settings: EvaluatorSettings, grant: Grant) -> None:
    def script(request: GenerateRequest) -> FakeAnswer:
        return "" if "Anchored" in request.messages[1].content else judged(request)

    one = METRICS.metrics[0].model_copy(update={"name": "Anchored"})
    async with at_work(settings, FakePlane(script)) as desk:
        anchor = await desk.blobs.put_json(MetricSet(metrics=(one,)), "metrics")
        metrics = await desk.blobs.put_json(METRICS, "metrics")
        await desk.ask([good(0), good(1)], metrics=metrics, anchor=anchor, grant=grant)
        ready, _ = await desk.scores()
    assert (ready.score, ready.anchor_score, ready.anchor_matrix) == (4.0, None, None)


async def test_a_sample_that_repeats_an_exemplar_gets_the_minimum_unjudged(settings: EvaluatorSettings) -> None:
    exemplar = "Two quarters of a cake cover exactly as much as one half of it, so they are one amount with two names."
    own = OwnMetric(name="Compares", definition="It compares.", positive_exemplar=exemplar)
    copied = good(1).model_copy(update={"output": {"prompt": "Why?", "completion": exemplar}})
    plane = FakePlane(one_by_one(metric_set(NAMES)))
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0), copied], searching(own_metrics=[own]))
        ready, matrix = await desk.scores()
    assert (ready.by_sample, [row.failed for row in matrix]) == ((4.0, 1.0), [False, True])
    assert "copied_output: the sample repeats the positive exemplar of 'Compares'" in ready.suggestions[0]
    assert [r for r in plane.requests if r.schema_name == "propose_metrics" and exemplar in str(r.messages)] == []
    assert [r.schema_name for r in plane.requests].count("score_sample") == 1


async def test_temperatures_of_the_job_hold_for_every_call_of_the_role(settings: EvaluatorSettings) -> None:
    plane = FakePlane(one_by_one(metric_set(NAMES)))
    role = RoleModel(pool="evaluator", temperature=0.35, max_tokens=777)
    async with at_work(settings, plane) as desk:
        await desk.ask([good(0)], SPEC.model_copy(update={"models": ModelsSpec(evaluator=role)}))
        await desk.scores()
    assert {(request.temperature, request.max_tokens) for request in plane.requests} == {(0.35, 777)}
