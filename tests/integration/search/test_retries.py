"""A job that failed or was cancelled is tried again where it stopped."""

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import MetricsRegenerated
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork_search.settings import SearchSettings
from tests.support.searching import Scripts
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import in_first_run
from tests.support.searching import play
from tests.support.searching import refused
from tests.support.searching import silent
from tests.support.workers import Answers
from tests.support.workers import Workers
from tests.support.workers import accept
from tests.support.workers import blob


async def test_what_was_on_its_way_when_a_search_was_cancelled_is_tried_again(settings: SearchSettings) -> None:
    async with play(settings, in_first_run(WorkflowRequested, silent, lambda r: r.kind is WorkflowKind.REFINE)) as job:
        await job.submit(a_spec())
        await job.stopped_while_out(WorkflowRequested, kind=WorkflowKind.REFINE)
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
        await job.submit(a_spec(search={"width": 3}, budget={"calls": 5000}))
        await job.stopped_while_out(ScoresRequested, count=8)
        await job.retry()
        end = await job.ended(run=1)

    children = [node for number, node in job.nodes().items() if number]
    sampled = job.asked(SamplesRequested, purpose=Purpose.EVALUATION)
    assert [node.state for node in children] == [NodeState.SCORED] * 3
    assert [node.suggestions for node in children] == [("be kind", "be kind")] * 3
    assert len(sampled) == 4
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_wave_whose_nodes_had_come_to_different_ends_shares_what_is_left(settings: SearchSettings) -> None:
    script = {
        **in_first_run(WorkflowRequested, silent, lambda r: r.node_id.endswith(":1")),
        **in_first_run(SamplesRequested, silent, lambda r: r.node_id.endswith(":2")),
        **in_first_run(ScoresRequested, silent, lambda r: r.node_id.endswith(":3")),
    }
    async with play(settings, script) as job:
        await job.submit(a_spec(search={"width": 3}, budget={"calls": 5000}))
        await job.until(lambda: job.asked(SamplesRequested, node_id="job-1:node:2"))
        await job.until(lambda: len(job.asked(ScoresRequested, node_id="job-1:node:3")) == 2)
        await job.cancel()
        await job.until(lambda: job.bus.all(JobStopping))
        for kind, number in ((WorkflowRequested, 1), (SamplesRequested, 2), (ScoresRequested, 3)):
            for held in job.asked(kind, node_id=f"job-1:node:{number}"):
                await job.bus.send(a_failure(held, "job_stopped"))
        await job.ended()
        await job.retry()
        end = await job.ended(run=1)

    assert end.snapshot.state is JobState.SUCCEEDED
    assert [node.state for node in job.nodes().values()] == [NodeState.SCORED] * 4
    assert [node.error for node in job.nodes().values()] == [None] * 4
    assert [request.run for request in job.asked(WorkflowRequested, node_id="job-1:node:1")] == [0, 1]
    assert [request.run for request in job.asked(WorkflowRequested, node_id="job-1:node:2")] == [0]
    assert [request.run for request in job.asked(SamplesRequested, node_id="job-1:node:3")][:1] == [0]
    assert [request.run for request in job.asked(ScoresRequested, node_id="job-1:node:3")][:4] == [0, 0, 1, 1]


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


async def test_metrics_of_an_attempt_that_was_given_up_change_nothing(settings: SearchSettings) -> None:
    held: list[DatasetRequested] = []

    def keep(request: DatasetRequested, _workers: Workers) -> Answers:
        held.append(request)
        return []

    script: Scripts = {**in_first_run(ScoresRequested, refused), DatasetRequested: keep}
    async with play(settings, script) as job:
        await job.submit(a_spec(search={"iterations": 1}))
        await job.ended()
        await job.retry()
        await job.until(lambda: held)
        given_up, *_, current = job.asked(ScoresRequested, node_id="job-1:node:0", metrics=None)
        known = job.nodes()[0].metrics
        late = MetricsRegenerated(
            job_id=given_up.job_id,
            evaluation_id=given_up.evaluation_id,
            node_id=given_up.node_id,
            metrics=blob("late"),
            names=("vague",),
            overlaps=(0.5,),
            chosen=0,
        )
        await job.told_late(late)
        for answer in job.workers.usual(held[0]):
            await job.bus.send(answer)
        await job.ended(run=1)

    assert given_up.evaluation_id != current.evaluation_id
    assert job.nodes()[0].metrics == known == blob("metrics of job-1:node:0")


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
        await job.stopped_while_out(ScoresRequested, count=6)
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

    broken = in_first_run(SamplesRequested, refused, lambda r: r.purpose is Purpose.PRODUCTION and r.first >= 20)
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


async def test_rows_accepted_by_a_curator_that_was_thought_silent_are_counted_once(settings: SearchSettings) -> None:
    def judge_in_silence(request: AcceptanceRequested, workers: Workers) -> Answers:
        if request.request_id == "job-1:acceptance:0:0":
            accept(request, workers, duplicates=2)
        return []

    async with play(settings, in_first_run(AcceptanceRequested, judge_in_silence)) as job:
        await job.submit(a_spec(count=20))
        for attempt in range(2):
            await job.until(lambda: len(job.asked(AcceptanceRequested)) > attempt)  # noqa: B023
            await job.let_patience_end(f"job-1:acceptance:0:{attempt}")
        await job.ended()
        await job.retry()
        end = await job.ended(run=1)

    made = end.snapshot.production
    asked = job.asked(AcceptanceRequested)
    assert [(request.needed, request.wanted) for request in asked] == [(20, 20)] * 3
    assert (end.snapshot.state, made.accepted, made.failed) == (JobState.SUCCEEDED, 20, {"stopped": 2})
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
        end = await job.stopped_while_out(DatasetRequested)

    assert end.snapshot.state is JobState.CANCELLED
    assert len(job.asked(DatasetRequested)) == 1
