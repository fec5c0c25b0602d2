"""A preview: the first workflow's samples, and nothing else."""

from typing import Any

from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobResumed
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork_search.settings import SearchSettings
from tests.support.searching import Scripts
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import Answers
from tests.support.workers import Workers
from tests.support.workers import answer_to
from tests.support.workers import blob


def crash_always() -> Scripts:
    def crash(request: SamplesRequested, _workers: Workers) -> Answers:
        told: dict[str, Any] = {"node_id": request.node_id, "purpose": request.purpose, "samples": blob("bad"), "ok": 0}
        return [answer_to(request, SamplesGenerated, **told, failed={"crashed": request.count}, trace="line 3: boom")]

    return {SamplesRequested: crash}


async def test_a_preview_ends_with_the_first_samples(settings: SearchSettings) -> None:
    spec = a_spec(review="human", search={"evaluation_samples": 10, "initial": {"starter": "explain"}})
    async with play(settings) as job:
        await job.submit(spec, preview=True)
        end = await job.ended()
        await job.retry()
        await job.extend(5)
        await job.handled(JobContinuationRequested, 2)

    [sampled] = job.asked(SamplesRequested)
    root = job.nodes()[0]
    assert (end.snapshot.state, end.snapshot.reason) == (JobState.SUCCEEDED, "previewed")
    assert sampled.count == 10
    assert root.samples == blob(f"{sampled.purpose}:{sampled.first}:{sampled.count}")
    assert (root.state, root.samples_ok, root.workflow is not None) == (NodeState.REVIEWING, 10, True)
    assert not job.asked(ScoresRequested)
    assert not job.bus.all(ReviewRequested)
    assert not job.bus.all(JobResumed)


async def test_a_preview_of_ones_own_workflow_tells_that_it_does_not_run(settings: SearchSettings) -> None:
    async with play(settings, crash_always()) as job:
        await job.submit(a_spec(search={"initial": {"starter": "explain"}}), preview=True)
        end = await job.ended()

    assert [request.kind for request in job.asked(WorkflowRequested)] == [WorkflowKind.INITIAL]
    assert end.snapshot.state is JobState.FAILED
    assert end.snapshot.reason == "no_runnable_workflow: after 0 repairs: line 3: boom"


async def test_a_preview_of_what_the_optimizer_writes_is_repaired_as_in_a_job(settings: SearchSettings) -> None:
    async with play(settings, crash_always()) as job:
        await job.submit(a_spec(), preview=True)
        end = await job.ended()

    asked = [request.kind for request in job.asked(WorkflowRequested)]
    assert asked == [WorkflowKind.INITIAL] + [WorkflowKind.REPAIR] * 3
    assert end.snapshot.state is JobState.FAILED
