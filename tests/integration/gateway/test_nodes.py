"""One node in full, from the payloads that its references point to."""

import pytest

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import NodeView
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.workflows import CodeQuality
from graftwork.contracts.workflows import Judgement
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import MetricSet
from graftwork.contracts.workflows import PromptQuality
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import SampleScores
from graftwork.contracts.workflows import Workflow
from graftwork.contracts.workflows import WorkflowScores
from tests.support.doors import Gateway
from tests.support.search_told import advanced
from tests.support.search_told import node

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORKFLOW = Workflow(prompts={"draft": "Explain {topic}."}, code="async def workflow(ctx, seed):\n    return {}\n")
METRICS = MetricSet(
    metrics=(Metric(name="clear", definition="Is it?", positive_exemplar="yes", negative_exemplar="no"),)
)
SAMPLES = tuple(
    SampleRow(sample_id=f"s{index}", seed_index=index, seed={"topic": "halves"}, output={"prompt": "p"})
    for index in range(3)
)
SCORES = tuple(
    SampleScores(
        sample_id=row.sample_id,
        seed_index=row.seed_index,
        judgements={"clear": Judgement(score=4, justification="short words")},
    )
    for row in SAMPLES
)


INTROSPECTION = WorkflowScores(
    code=CodeQuality(clarity=4, efficiency=3, robustness=5),
    prompt=PromptQuality(clarity=4, specificity=2, effectiveness=3),
    notes="say how long",
)


async def told(gateway: Gateway, snapshot: NodeSnapshot, job_id: str) -> None:
    await gateway.send(advanced(job_id, 1, node=snapshot))
    await gateway.until(job_id, JobState.RUNNING)


async def full_node(gateway: Gateway, job_id: str) -> NodeSnapshot:
    blobs = gateway.door.blobs
    return node(
        job_id,
        0,
        workflow=await blobs.put_json(WORKFLOW, job_id),
        samples=await blobs.put_rows(SAMPLES, job_id),
        metrics=await blobs.put_json(METRICS, job_id),
        scores=await blobs.put_rows(SCORES, job_id),
        workflow_scores=await blobs.put_rows([INTROSPECTION], job_id),
    )


async def test_a_node_is_shown_with_prompts_code_samples_metrics_and_scores(gateway: Gateway) -> None:
    job = await gateway.submit()
    snapshot = await full_node(gateway, job.id)
    await told(gateway, snapshot, job.id)
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{snapshot.node_id}")
    view = NodeView.model_validate_json(answer.content)

    assert view.node == snapshot
    assert view.workflow == WORKFLOW
    assert view.samples == SAMPLES
    assert view.samples_total == 3
    assert view.metrics == METRICS.metrics
    assert view.scores == SCORES
    assert view.workflow_scores == INTROSPECTION


async def test_samples_are_bounded_by_the_caller(gateway: Gateway) -> None:
    job = await gateway.submit()
    snapshot = await full_node(gateway, job.id)
    await told(gateway, snapshot, job.id)
    path = f"{job.links['self']}/nodes/{snapshot.node_id}"
    view = NodeView.model_validate_json((await gateway.http.get(path, params={"samples": 1})).content)
    refused = await gateway.http.get(path, params={"samples": 1000})

    assert (view.samples, view.samples_total) == (SAMPLES[:1], 3)
    assert refused.status_code == 422


async def test_a_node_without_payloads_yet_is_shown_without(gateway: Gateway) -> None:
    job = await gateway.submit()
    await told(gateway, node(job.id, 0), job.id)
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{job.id}:node:0")
    view = NodeView.model_validate_json(answer.content)

    assert (view.workflow, view.samples, view.metrics, view.scores) == (None, (), (), ())


async def test_a_payload_that_is_gone_is_told_as_such(gateway: Gateway) -> None:
    job = await gateway.submit()
    ref = await gateway.door.blobs.put_json(WORKFLOW, job.id)
    gone = ref.model_copy(update={"key": "deleted"})
    await told(gateway, node(job.id, 0, workflow=gone), job.id)
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{job.id}:node:0")

    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:graftwork:problem:blob_missing"


async def test_a_node_that_is_not_there_is_not_found(gateway: Gateway) -> None:
    job = await gateway.submit()
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{job.id}:node:9")

    assert answer.status_code == 404


async def test_a_node_explains_itself(gateway: Gateway) -> None:
    job = await gateway.submit()
    blobs = gateway.door.blobs
    changed = WORKFLOW.model_copy(update={"prompts": {"draft": "Explain {topic} briefly."}})
    root = await full_node(gateway, job.id)
    child = node(
        job.id,
        1,
        parent_id=root.node_id,
        parent_probabilities={root.node_id: 1.0},
        ticket=0.5,
        workflow=await blobs.put_json(changed, job.id),
        metric_candidates=(await blobs.put_json(METRICS, job.id),),
        overlaps=(1.0,),
        chosen_candidate=0,
        anchor_scores=await blobs.put_rows(SCORES, job.id),
        final_scores=await blobs.put_rows(SCORES[:1], job.id),
    )
    await gateway.send(advanced(job.id, 1, node=root), advanced(job.id, 2, node=child))
    await gateway.admitted(job.id, 2)
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{child.node_id}")
    view = NodeView.model_validate_json(answer.content)

    assert view.why == "made from node 0, drawn among node 0 (100.0%), by the number 0.5000"
    assert [change.part for change in view.changes] == ["prompts/draft"]
    assert "+Explain {topic} briefly." in view.changes[0].diff
    assert [(one.metrics, one.overlap, one.chosen) for one in view.metric_candidates] == [(METRICS.metrics, 1.0, True)]
    assert (view.anchor_scores, view.final_scores) == (SCORES, SCORES[:1])


async def test_a_child_whose_parent_was_not_told_yet_is_shown_without_changes(gateway: Gateway) -> None:
    job = await gateway.submit()
    ref = await gateway.door.blobs.put_json(WORKFLOW, job.id)
    await told(gateway, node(job.id, 1, parent_id=f"{job.id}:node:0", workflow=ref), job.id)
    answer = await gateway.http.get(f"{job.links['self']}/nodes/{job.id}:node:1")
    view = NodeView.model_validate_json(answer.content)

    assert (answer.status_code, view.workflow, view.changes) == (200, WORKFLOW, ())
