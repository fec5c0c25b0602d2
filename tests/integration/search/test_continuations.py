"""A job that ended goes on under its own id: more rows of what won, or another try of what did not."""

from typing import Any

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobResumed
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.usage import Usage
from graftwork_search.settings import SearchSettings
from tests.support.searching import Play
from tests.support.searching import Scripts
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import Answers
from tests.support.workers import Workers
from tests.support.workers import accept


def is_refinement(request: WorkflowRequested) -> bool:
    return request.kind is WorkflowKind.REFINE


def is_production(request: SamplesRequested) -> bool:
    return request.purpose is Purpose.PRODUCTION


def in_first_run(kind: type[EventData], answers: Any, only: Any = None) -> Scripts:
    """Requests of a type get these answers in the first run, and the usual ones after it."""

    def scripted(request: Any, workers: Workers) -> Answers | None:
        if request.run or (only is not None and not only(request)):
            return None
        given: Answers | None = answers(request, workers)
        return given

    return {kind: scripted}


def refused(request: Any, _workers: Workers) -> Answers:
    return [a_failure(request, "broken")]


def silent(_request: Any, _workers: Workers) -> Answers:
    return []


def production_seeds(job: Play) -> list[int]:
    requests = job.asked(SamplesRequested, purpose=Purpose.PRODUCTION)
    return [seed for request in requests for seed in range(request.first, request.first + request.count)]


async def stopped_while_out(job: Play, kind: type[EventData], /, count: int = 1, **like: object) -> JobFinished:
    """Cancel a job whose workers hold such requests back, and let them give these up."""
    await job.until(lambda: len(job.asked(kind, **like)) >= count)
    await job.cancel()
    await job.until(lambda: job.bus.all(JobStopping))
    for held in job.asked(kind, **like):
        await job.bus.send(a_failure(held, "job_stopped"))
    return await job.ended()


async def test_an_extended_job_makes_more_rows_with_its_winner_and_publishes_them_all(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        first = await job.ended()
        searched = len(job.asked(WorkflowRequested))
        await job.extend(8)
        second = await job.ended(run=1)

    seeds = production_seeds(job)
    published = job.asked(DatasetRequested)
    ids = [getattr(request, "request_id", "") for request in job.workers.asked]
    assert [resumed.run for resumed in job.bus.all(JobResumed)] == [1]
    assert (first.snapshot.production.accepted, second.snapshot.production.accepted) == (12, 20)
    assert (second.snapshot.state, second.snapshot.run, second.snapshot.production.wanted) == ("succeeded", 1, 20)
    assert second.snapshot.winner_node_id == first.snapshot.winner_node_id
    assert len(job.asked(WorkflowRequested)) == searched
    assert len(seeds) == len(set(seeds)) == second.snapshot.production.attempted
    assert [(one.run, one.counts.accepted, one.complete) for one in published] == [(0, 12, True), (1, 20, True)]
    assert len(ids) == len(set(ids))
    assert {request.run for request in job.asked(SamplesRequested, purpose=Purpose.PRODUCTION)} == {0, 1}


async def test_versions_go_on_where_the_run_before_ended(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.extend(3)
        second = await job.ended(run=1)

    told = {event.version for event in job.told()} | {first.snapshot.version, second.snapshot.version}
    assert told == set(range(1, second.snapshot.version + 1))
    assert job.told()[first.snapshot.version - 1].what == "job.resumed"


async def test_what_both_runs_cost_is_counted_together(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.extend(8)
        second = await job.ended(run=1)

    used = [event.data.used for event in job.bus.heard if hasattr(event.data, "used")]
    whole = Usage.total(usage for pools in used for usage in pools.values())
    assert second.snapshot.spent.total.calls == whole.calls > first.snapshot.spent.total.calls


async def test_a_continuation_that_is_asked_for_twice_happens_once(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        await job.ended()
        await job.extend(3, "the same")
        await job.extend(3, "the same")
        await job.ended(run=1)
        await job.extend(3, "the same")
        await job.handled(JobContinuationRequested, 3)

    assert len(job.bus.all(JobResumed)) == 1
    assert [end.snapshot.production.accepted for end in job.bus.all(JobFinished)] == [12, 15]


async def test_a_job_can_go_on_again_and_again(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        await job.ended()
        await job.extend(3, "once")
        await job.ended(run=1)
        await job.extend(4, "twice")
        end = await job.ended(run=2)

    assert end.snapshot.production.accepted == 19
    assert [one.run for one in job.asked(DatasetRequested)] == [0, 1, 2]


async def test_a_running_job_is_not_extended(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(WorkflowRequested, silent, is_refinement)) as job:
        await job.submit(a_spec())
        await job.until(lambda: job.asked(WorkflowRequested, kind=WorkflowKind.REFINE))
        await job.extend(8)
        await job.handled(JobContinuationRequested)
        await stopped_while_out(job, WorkflowRequested, kind=WorkflowKind.REFINE)

    assert not job.bus.all(JobResumed)
    assert job.snapshot().production.wanted == 12


async def test_what_was_on_its_way_when_a_search_was_cancelled_is_tried_again(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(WorkflowRequested, silent, is_refinement)) as job:
        await job.submit(a_spec())
        await stopped_while_out(job, WorkflowRequested, kind=WorkflowKind.REFINE)
        lost = job.nodes()[1]
        await job.retry()
        end = await job.ended(run=1)

    again = job.asked(WorkflowRequested, node_id=lost.node_id)
    tree = job.nodes()
    assert (lost.state, lost.error) == (NodeState.FAILED, "the job ended first")
    assert [request.run for request in again] == [0, 1]
    assert again[0].parent == again[1].parent
    assert [tree[i].state for i in range(4)] == [NodeState.SCORED] * 4
    assert [tree[i].error for i in range(4)] == [None] * 4
    assert (end.snapshot.state, end.snapshot.iteration) == (JobState.SUCCEEDED, 3)
    assert len(job.asked(SeedsRequested)) == 1


async def test_a_whole_wave_that_was_on_its_way_is_tried_again(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(ScoresRequested, silent, lambda r: not r.node_id.endswith(":0"))) as job:
        await job.submit(a_spec(search={"width": 3}))
        await stopped_while_out(job, ScoresRequested, count=8)
        await job.retry()
        end = await job.ended(run=1)

    children = [node for number, node in job.nodes().items() if number]
    sampled = job.asked(SamplesRequested, purpose=Purpose.EVALUATION)
    assert [node.state for node in children] == [NodeState.SCORED] * 3
    assert [node.suggestions for node in children] == [("be kind", "be kind")] * 3
    assert len(sampled) == 4
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_root_that_could_not_be_written_is_asked_for_again(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(WorkflowRequested, refused)) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    assert (first.snapshot.state, second.snapshot.state) == (JobState.FAILED, JobState.SUCCEEDED)
    assert [r.kind for r in job.asked(WorkflowRequested)][:2] == [WorkflowKind.INITIAL] * 2
    assert second.snapshot.reason == "completed"


async def test_a_root_that_was_not_judged_is_judged_on_the_samples_it_has(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(ScoresRequested, refused)) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    evaluated = job.asked(SamplesRequested, node_id="job-1:node:0", purpose=Purpose.EVALUATION)
    assert str(first.snapshot.reason).startswith("scoring_failed")
    assert len(evaluated) == 1
    assert second.snapshot.state is JobState.SUCCEEDED


async def test_seeds_that_could_not_be_had_are_asked_for_again(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(SeedsRequested, refused)) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    assert str(first.snapshot.reason).startswith("no_seeds")
    assert second.snapshot.state is JobState.SUCCEEDED


async def test_finalists_are_measured_again_when_their_measuring_was_cut_off(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(ScoresRequested, silent, lambda r: r.metrics is not None)) as job:
        await job.submit(a_spec(search={"iterations": 1}))
        await stopped_while_out(job, ScoresRequested, count=6)
        await job.retry()
        end = await job.ended(run=1)

    finals = [node.final_reward for node in job.nodes().values()]
    assert end.snapshot.state is JobState.SUCCEEDED
    assert finals == [3.0, 3.0]
    assert len(job.asked(SamplesRequested, purpose=Purpose.FINALIST)) == 4
    assert len(job.asked(WorkflowRequested)) == 2


async def test_production_that_failed_goes_on_and_publishes_what_both_runs_made(settings: SearchSettings) -> None:
    def six_are_known(request: AcceptanceRequested, workers: Workers) -> Answers:
        return [accept(request, workers, duplicates=6)]

    broken = in_first_run(SamplesRequested, refused, lambda r: is_production(r) and r.first >= 20)
    script = {**in_first_run(AcceptanceRequested, six_are_known), **broken}
    async with play(settings, script) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    published = [(one.counts.accepted, one.complete) for one in job.asked(DatasetRequested)]
    made = second.snapshot.production
    assert str(first.snapshot.reason).startswith("production_failed")
    assert published == [(6, False), (12, True)]
    assert (second.snapshot.state, made.accepted) == (JobState.SUCCEEDED, 12)
    assert made.attempted == made.accepted + sum(made.rejected.values()) + sum(made.failed.values()) + made.surplus


async def test_a_dataset_that_could_not_be_written_fails_the_job_and_is_asked_for_again(
    settings: SearchSettings,
) -> None:
    async with play(settings, in_first_run(DatasetRequested, refused)) as job:
        await job.submit(a_spec())
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    assert first.snapshot.reason == "curation_failed: broken: it did not work"
    assert (first.dataset, second.snapshot.state) == (None, JobState.SUCCEEDED)
    assert second.dataset is not None
    assert second.dataset.rows == 12


async def test_a_cancelled_job_whose_dataset_cannot_be_written_ends_all_the_same(settings: SearchSettings) -> None:
    async with play(settings, {DatasetRequested: silent}) as job:
        await job.submit(a_spec())
        end = await stopped_while_out(job, DatasetRequested)

    assert end.snapshot.state is JobState.CANCELLED
    assert len(job.asked(DatasetRequested)) == 1


async def test_an_extension_that_brings_nothing_leaves_the_dataset_as_it_was(settings: SearchSettings) -> None:
    def refuse_more(request: SamplesRequested, _workers: Workers) -> Answers | None:
        return [a_failure(request, "broken")] if request.run else None

    async with play(settings, {SamplesRequested: refuse_more}) as job:
        await job.submit(a_spec())
        await job.ended()
        await job.extend(5)
        end = await job.ended(run=1)

    assert end.snapshot.state is JobState.FAILED
    assert [one.run for one in job.asked(DatasetRequested)] == [0]
    assert end.dataset is not None
    assert end.dataset.rows == 12


async def test_a_budget_is_that_of_all_runs(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(budget={"calls": 60}))
        first = await job.ended()
        await job.extend(400)
        second = await job.ended(run=1)

    assert first.snapshot.state is JobState.SUCCEEDED
    assert second.snapshot.spent.total.calls <= 60


async def test_a_run_is_cancelled_by_its_own_number_only(settings: SearchSettings) -> None:
    def hold_more(request: SamplesRequested, _workers: Workers) -> Answers | None:
        return [] if request.run else None

    async with play(settings, {SamplesRequested: hold_more}) as job:
        await job.submit(a_spec())
        await job.ended()
        await job.extend(3)
        await job.until(lambda: job.asked(SamplesRequested, run=1))
        await job.cancel(run=0)
        await job.handled(JobCancellationRequested)
        unmoved = job.bus.all(JobStopping)
        await job.cancel(run=1)
        await job.until(lambda: job.bus.all(JobStopping))
        await job.bus.send(a_failure(job.asked(SamplesRequested, run=1)[0], "job_stopped"))
        end = await job.ended(run=1)

    assert not unmoved
    assert [(stop.run, stop.outcome) for stop in job.bus.all(JobStopping)] == [(1, JobState.CANCELLED)]
    assert end.snapshot.state is JobState.CANCELLED
    assert end.snapshot.dataset_id == "ds-job-1"


async def test_a_cancellation_that_overtakes_the_run_it_ends_still_counts(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        await job.ended()
        await job.cancel(run=1)
        await job.handled(JobCancellationRequested)
        await job.extend(5)
        end = await job.ended(run=1)

    assert end.snapshot.state is JobState.CANCELLED
    assert end.snapshot.production.accepted == 12
    assert not job.asked(SamplesRequested, run=1)
