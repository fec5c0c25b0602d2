"""A job that has a winner makes more rows, under its own id."""

from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobContinuationRequested
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobResumed
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.usage import Usage
from graftwork_search.settings import SearchSettings
from tests.support.searching import Play
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import in_first_run
from tests.support.searching import play
from tests.support.searching import silent
from tests.support.workers import Answers
from tests.support.workers import Workers


def production_seeds(job: Play) -> list[int]:
    requests = job.asked(SamplesRequested, purpose=Purpose.PRODUCTION)
    return [seed for request in requests for seed in range(request.first, request.first + request.count)]


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
    async with play(settings, in_first_run(WorkflowRequested, silent, lambda r: r.kind is WorkflowKind.REFINE)) as job:
        await job.submit(a_spec())
        await job.until(lambda: job.asked(WorkflowRequested, kind=WorkflowKind.REFINE))
        await job.extend(8)
        await job.handled(JobContinuationRequested)
        await job.stopped_while_out(WorkflowRequested, kind=WorkflowKind.REFINE)

    assert not job.bus.all(JobResumed)
    assert job.snapshot().production.wanted == 12


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
