"""The way of a job through search, on real Kafka and MongoDB, with every worker played by the test."""

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest

from graftwork.contracts.events import AcceptanceRequested
from graftwork.contracts.events import DatasetRequested
from graftwork.contracts.events import EventData
from graftwork.contracts.events import JobCancellationRequested
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import JobSubmitted
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresReady
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowProposed
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import Usage
from graftwork.kit.blobs import Blobs
from graftwork_search.settings import SearchSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import Bus
from tests.support.searching import JOB
from tests.support.searching import Scripts
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import Answers
from tests.support.workers import Script
from tests.support.workers import Workers
from tests.support.workers import accept
from tests.support.workers import answer_to
from tests.support.workers import blob


@asynccontextmanager
async def platform(settings: SearchSettings, script: Scripts | None = None) -> AsyncIterator[tuple[Bus, Workers]]:
    async with play(settings, script) as job:
        yield job.bus, job.workers


async def submit(bus: Bus, settings: SearchSettings, spec: dict[str, Any]) -> None:
    ref = await Blobs.open(settings.blobs).put_json(JobSpec.model_validate(spec), "specs")
    await bus.send(JobSubmitted(job_id=JOB, tenant="t", spec=ref, submitted_at=datetime.now(UTC)))


async def outcome(bus: Bus, settings: SearchSettings, spec: dict[str, Any]) -> JobFinished:
    await submit(bus, settings, spec)
    return await finished(bus)


async def finished(bus: Bus) -> JobFinished:
    """The last word of the job; whatever became of it, no node may be left in the air."""
    await until(lambda: bus.all(JobFinished), timeout_seconds=60)
    end = bus.all(JobFinished)[0]
    await until(lambda: len(bus.all(SearchAdvanced)) == end.snapshot.version - 1)
    for node in nodes(bus).values():
        assert node.state.ended
        assert node.state is NodeState.SCORED or node.error
    return end


async def until(happened: Callable[[], object], timeout_seconds: float = 30) -> None:
    """Return once ``happened`` gives something true."""

    def check() -> None:
        assert happened()

    await assert_eventually(check, timeout_seconds=timeout_seconds)


def nodes(bus: Bus) -> dict[int, NodeSnapshot]:
    """Last snapshot of each node, by round."""
    told = sorted(bus.all(SearchAdvanced), key=lambda event: event.version)
    return {event.node.round: event.node for event in told if event.node is not None}


async def test_a_job_searches_produces_and_publishes_exactly_what_was_asked(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    assert (end.snapshot.state, end.snapshot.reason) == (JobState.SUCCEEDED, "completed")
    assert end.snapshot.production.accepted == 12
    assert end.dataset is not None
    assert end.dataset.complete
    tree = nodes(bus)
    assert [tree[i].state for i in range(4)] == [NodeState.SCORED] * 4
    assert end.snapshot.winner_node_id in {node.node_id for node in tree.values()}
    assert not [request for request in workers.asked if not getattr(request, "request_id", "").startswith(JOB)]


async def test_versions_are_contiguous_so_that_streams_can_be_resumed(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, _):
        end = await outcome(bus, settings, a_spec())

    told = [event.version for event in bus.all(SearchAdvanced)]
    assert sorted(told) == list(range(1, len(told) + 1))
    assert end.snapshot.version == len(told) + 1


async def test_what_was_spent_equals_what_the_workers_used(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, _):
        end = await outcome(bus, settings, a_spec())

    told = [
        event.data.used for event in bus.heard if event.source.startswith("/tests/") and hasattr(event.data, "used")
    ]
    whole = Usage.total(usage for used in told for usage in used.values())
    spent = end.snapshot.spent
    assert spent.total.calls == whole.calls
    assert spent.total.tokens == whole.tokens
    assert Usage.total(spent.by_pool.values()).calls == Usage.total(spent.by_purpose.values()).calls == whole.calls


async def test_the_reward_is_half_samples_half_workflow_and_teaches_all_ancestors(settings: SearchSettings) -> None:
    def judge(request: ScoresRequested, workers: Workers) -> Answers:
        score = {ScoreComponent.SAMPLE: 4.0, ScoreComponent.WORKFLOW: 3.0}[request.component]
        return [
            a.model_copy(update={"score": score}) if isinstance(a, ScoresReady) else a for a in workers.usual(request)
        ]

    async with platform(settings, {ScoresRequested: judge}) as (bus, workers):
        await outcome(bus, settings, a_spec())

    tree = nodes(bus)
    by_id = {node.node_id: node for node in tree.values()}
    assert {node.reward for node in tree.values()} == {3.5}
    for node in tree.values():
        parent = node.parent_id
        while parent is not None:
            assert node.node_id in {e.node_id for e in by_id[parent].experiences}
            parent = by_id[parent].parent_id
    refines = [r for r in workers.asked if isinstance(r, WorkflowRequested) and r.kind is WorkflowKind.REFINE]
    scored = [told for told in bus.all(SearchAdvanced) if told.what == "node.scored"]
    told_of = {told.node.node_id: (told.taught, told.experience) for told in scored if told.node is not None}
    assert told_of.pop(tree[0].node_id) == ((), None)
    for node_id, (taught, experience) in told_of.items():
        assert taught[0] == by_id[node_id].parent_id
        assert taught[-1] == tree[0].node_id
        assert experience in tree[0].experiences
    assert not refines[0].experiences
    assert refines[1].experiences
    assert "be kind" in refines[0].suggestions


async def test_draws_are_recorded_and_the_same_seed_draws_the_same(settings: SearchSettings) -> None:
    parents: list[list[str | None]] = []
    for _ in range(2):
        again = settings.model_copy(update={"namespace": f"{settings.namespace}{len(parents)}"})
        async with platform(again) as (bus, _workers):
            await outcome(bus, again, a_spec(seed=7))
        parents.append([node.parent_id for node in nodes(bus).values()])
        drawn = [node.parent_probabilities for node in nodes(bus).values() if node.parent_id]
        assert all(sum(p.values()) == pytest.approx(1) for p in drawn)

    assert parents[0] == parents[1]


async def test_a_search_whose_best_three_stand_still_ends_early(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, _):
        end = await outcome(bus, settings, a_spec(search={"iterations": 20, "patience": 2}))

    said = [event.message for event in bus.all(SearchAdvanced) if event.what == "search.finished"]
    assert end.snapshot.state is JobState.SUCCEEDED
    assert end.snapshot.iteration == 4
    assert said[0].startswith("converged")


async def test_a_known_modification_is_not_evaluated_again(settings: SearchSettings) -> None:
    def repeat(request: WorkflowRequested, workers: Workers) -> Answers | None:
        if request.kind is not WorkflowKind.REFINE:
            return None
        [usual] = workers.usual(request)
        assert isinstance(usual, WorkflowProposed)
        return [usual.model_copy(update={"shape_sha256": "0" * 64})]

    async with platform(settings, {WorkflowRequested: repeat}) as (bus, workers):
        await outcome(bus, settings, a_spec())

    tree = nodes(bus)
    sampled = {r.node_id for r in workers.asked if isinstance(r, SamplesRequested) and r.purpose == Purpose.EVALUATION}
    assert [tree[i].state for i in range(4)] == [
        NodeState.SCORED,
        NodeState.SCORED,
        NodeState.DUPLICATE,
        NodeState.DUPLICATE,
    ]
    assert sampled == {tree[0].node_id, tree[1].node_id}


def crash(request: SamplesRequested) -> EventData:
    return answer_to(
        request,
        SamplesGenerated,
        node_id=request.node_id,
        purpose=request.purpose,
        samples=blob("bad"),
        ok=0,
        failed={"crashed": request.count},
        trace="line 3: boom",
    )


async def test_a_crashed_node_gets_the_minimum_and_no_judge_is_paid(settings: SearchSettings) -> None:
    def crash_refined(request: SamplesRequested, _workers: Workers) -> Answers | None:
        return [crash(request)] if not request.node_id.endswith(":0") and request.purpose == "evaluation" else None

    async with platform(settings, {SamplesRequested: crash_refined}) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    tree = nodes(bus)
    judged = {r.node_id for r in workers.asked if isinstance(r, ScoresRequested)}
    assert {tree[i].state for i in (1, 2, 3)} == {NodeState.CRASHED}
    assert {tree[i].reward for i in (1, 2, 3)} == {1.0}
    assert {tree[i].parent_id for i in (1, 2, 3)} == judged == {tree[0].node_id}
    assert "boom" in tree[0].experiences[0].feedback
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_node_none_of_whose_samples_is_honest_gets_the_minimum_and_says_why(settings: SearchSettings) -> None:
    def judge(request: ScoresRequested, workers: Workers) -> Answers:
        refused = (
            {"appeals_to_judge": 3, "copied_output": 1} if request.node_id.endswith(":1") else {"copied_output": 1}
        )
        told = {"refused": refused} if request.component is ScoreComponent.SAMPLE else {"score": 5.0}
        return [a.model_copy(update=told) if isinstance(a, ScoresReady) else a for a in workers.usual(request)]

    async with platform(settings, {ScoresRequested: judge}) as (bus, _):
        await outcome(bus, settings, a_spec())

    tree = nodes(bus)
    assert [tree[i].reward for i in (0, 1, 2)] == [4.0, 1.0, 4.0]
    assert (tree[1].samples_ok, tree[1].samples_failed) == (0, {"appeals_to_judge": 3, "copied_output": 1})
    assert (tree[2].samples_ok, tree[2].samples_failed) == (3, {"copied_output": 1})
    [told] = [e for e in tree[0].experiences if e.node_id == tree[1].node_id]
    assert (told.before, told.after, told.feedback) == (4.0, 1.0, "be kind be kind")


async def test_a_crashed_root_is_repaired(settings: SearchSettings) -> None:
    def crash_once(request: SamplesRequested, workers: Workers) -> Answers | None:
        first = sum(isinstance(r, SamplesRequested) for r in workers.asked) == 1
        return [crash(request)] if first else None

    async with platform(settings, {SamplesRequested: crash_once}) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    kinds = [r.kind for r in workers.asked if isinstance(r, WorkflowRequested)][:2]
    repair = [r for r in workers.asked if isinstance(r, WorkflowRequested)][1]
    assert kinds == [WorkflowKind.INITIAL, WorkflowKind.REPAIR]
    assert repair.trace == "line 3: boom"
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_root_that_cannot_be_repaired_fails_the_job(settings: SearchSettings) -> None:
    async with platform(settings, {SamplesRequested: lambda request, _: [crash(request)]}) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    asked = [r.kind for r in workers.asked if isinstance(r, WorkflowRequested)]
    assert (nodes(bus)[0].state, nodes(bus)[0].error) == (NodeState.CRASHED, "line 3: boom")
    assert end.snapshot.state is JobState.FAILED
    assert str(end.snapshot.reason).startswith("no_runnable_workflow")
    assert asked == [WorkflowKind.INITIAL] + [WorkflowKind.REPAIR] * 3


async def test_a_first_workflow_that_cannot_be_had_fails_the_job_with_the_reason(settings: SearchSettings) -> None:
    def refuse(request: WorkflowRequested, _workers: Workers) -> Answers:
        return [a_failure(request, "unusable_workflow")]

    async with platform(settings, {WorkflowRequested: refuse}) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    assert end.snapshot.state is JobState.FAILED
    assert end.snapshot.reason == "no_workflow: unusable_workflow: it did not work"
    assert len([r for r in workers.asked if isinstance(r, WorkflowRequested)]) == 1


async def test_five_failures_running_end_the_search_but_not_the_job(settings: SearchSettings) -> None:
    def refuse(request: WorkflowRequested, _workers: Workers) -> Answers | None:
        if request.kind is not WorkflowKind.REFINE:
            return None
        return [a_failure(request, "invalid_answer")]

    async with platform(settings, {WorkflowRequested: refuse}) as (bus, _):
        end = await outcome(bus, settings, a_spec(search={"iterations": 30}))

    assert end.snapshot.iteration == 5
    assert {nodes(bus)[i].state for i in range(1, 6)} == {NodeState.INVALID}
    assert end.snapshot.state is JobState.SUCCEEDED
    assert end.snapshot.production.accepted == 12


async def test_the_finalists_are_measured_with_one_ruler_on_fresh_seeds(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    ranges: dict[Purpose, set[int]] = {}
    for request in workers.asked:
        if isinstance(request, SamplesRequested):
            ranges.setdefault(request.purpose, set()).update(range(request.first, request.first + request.count))
    rulers = {r.metrics.key for r in workers.asked if isinstance(r, ScoresRequested) and r.metrics is not None}
    finals = [node for node in nodes(bus).values() if node.final_reward is not None]
    assert len(rulers) == 1
    assert len(finals) == 3
    assert end.snapshot.winner_node_id in {node.node_id for node in finals}
    assert not ranges[Purpose.EVALUATION] & ranges[Purpose.FINALIST]
    assert not ranges[Purpose.EVALUATION] & ranges[Purpose.PRODUCTION]
    assert not ranges[Purpose.FINALIST] & ranges[Purpose.PRODUCTION]


async def test_a_shortfall_is_made_up_for_in_another_round(settings: SearchSettings) -> None:
    def with_duplicates(request: AcceptanceRequested, workers: Workers) -> Answers:
        return [accept(request, workers, duplicates=4 if request.round == 0 else 0)]

    async with platform(settings, {AcceptanceRequested: with_duplicates}) as (bus, workers):
        end = await outcome(bus, settings, a_spec())

    made = end.snapshot.production
    seeds = [
        i
        for r in workers.asked
        if isinstance(r, SamplesRequested) and r.purpose == Purpose.PRODUCTION
        for i in range(r.first, r.first + r.count)
    ]
    assert made.accepted == 12
    assert made.rounds == 2
    assert made.rejected == {"exact_duplicate": 4}
    assert made.attempted == made.accepted + 4 + made.surplus + sum(made.failed.values())
    assert len(seeds) == len(set(seeds)) == made.attempted


async def test_a_used_up_candidate_budget_publishes_what_there_is_and_fails(settings: SearchSettings) -> None:
    def half(request: AcceptanceRequested, workers: Workers) -> Answers:
        candidates = sum(int(ref.key.rsplit(":", 1)[1]) for ref in request.samples)
        return [accept(request, workers, duplicates=candidates - candidates // 4)]

    async with platform(settings, {AcceptanceRequested: half}) as (bus, _):
        end = await outcome(bus, settings, a_spec(budget={"candidates": 20}))

    made = end.snapshot.production
    assert end.snapshot.state is JobState.FAILED
    assert str(end.snapshot.reason).startswith("budget_exhausted")
    assert made.attempted == 20
    assert made.attempted == made.accepted + sum(made.rejected.values()) + made.surplus
    assert end.dataset is not None
    assert not end.dataset.complete
    assert end.dataset.rows == made.accepted


async def test_the_search_stops_at_half_the_budget_and_production_uses_the_rest(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, _):
        end = await outcome(bus, settings, a_spec(budget={"calls": 24}, search={"iterations": 30}))

    spent = end.snapshot.spent
    searched = Usage.total(u for purpose, u in spent.by_purpose.items() if purpose != "production")
    assert end.snapshot.state is JobState.SUCCEEDED
    assert searched.calls <= 12
    assert spent.total.calls <= 24
    assert end.snapshot.iteration < 30
    assert end.snapshot.production.accepted == 12


async def test_a_cancelled_job_ends_once_everything_granted_has_come_back(settings: SearchSettings) -> None:
    held: list[Any] = []

    def hold(request: WorkflowRequested, _workers: Workers) -> Answers | None:
        if request.kind is not WorkflowKind.REFINE:
            return None
        held.append(request)
        return []

    async with platform(settings, {WorkflowRequested: hold}) as (bus, _):
        await submit(bus, settings, a_spec())
        await until(lambda: held)
        await bus.send(JobCancellationRequested(job_id=JOB, reason="changed my mind"))
        await until(lambda: bus.all(JobStopping))
        assert not bus.all(JobFinished)
        await bus.send(a_failure(held[0], "job_stopped"))
        end = await finished(bus)

    assert end.snapshot.state is JobState.CANCELLED
    assert end.snapshot.best_reward == 3.0
    assert end.dataset is None
    assert end.snapshot.spent.by_stage["workflow"].calls == 2


async def test_cancelled_in_production_what_was_accepted_is_published(settings: SearchSettings) -> None:
    def cut_short(request: AcceptanceRequested, workers: Workers) -> Answers:
        return [accept(request, workers, duplicates=6)]

    def hold_second_round(request: SamplesRequested, workers: Workers) -> Answers | None:
        again = request.purpose == Purpose.PRODUCTION and workers.accepted
        return [] if again else None

    script: dict[type[EventData], Script] = {AcceptanceRequested: cut_short, SamplesRequested: hold_second_round}
    async with platform(settings, script) as (bus, workers):
        await submit(bus, settings, a_spec())
        await until(lambda: workers.accepted and isinstance(workers.asked[-1], SamplesRequested))
        await bus.send(JobCancellationRequested(job_id=JOB))
        await until(lambda: bus.all(JobStopping))
        for request in workers.asked:
            if isinstance(request, SamplesRequested):
                await bus.send(a_failure(request, "job_stopped"))
        end = await finished(bus)

    [wanted] = bus.all(DatasetRequested)
    assert end.snapshot.state is JobState.CANCELLED
    assert not wanted.complete
    assert end.dataset is not None
    assert end.dataset.rows == 6


async def test_a_cancellation_that_overtakes_its_job_still_counts(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, workers):
        await bus.send(JobCancellationRequested(job_id=JOB))
        end = await outcome(bus, settings, a_spec())

    assert end.snapshot.state is JobState.CANCELLED
    assert end.snapshot.production.accepted == 0
    assert not [request for request in workers.asked if not isinstance(request, SeedsRequested)]


async def test_silence_past_the_deadline_is_a_failure(settings: SearchSettings) -> None:
    impatient = settings.model_copy(update={"workflow_seconds": 0.2, "silence_slack_seconds": 0.1})
    async with platform(impatient, {WorkflowRequested: lambda _request, _workers: []}) as (bus, _):
        end = await outcome(bus, impatient, a_spec())

    assert end.snapshot.state is JobState.FAILED
    assert "silent" in str(end.snapshot.reason)


async def test_a_late_answer_changes_nothing(settings: SearchSettings) -> None:
    def twice(request: WorkflowRequested, workers: Workers) -> Answers:
        usual = workers.usual(request)
        return [*usual, a_failure(request, "too_late")]

    async with platform(settings, {WorkflowRequested: twice}) as (bus, _):
        end = await outcome(bus, settings, a_spec())

    assert end.snapshot.state is JobState.SUCCEEDED
    assert {node.state for node in nodes(bus).values()} == {NodeState.SCORED}


async def test_a_spec_that_cannot_be_read_ends_the_job(settings: SearchSettings) -> None:
    async with platform(settings) as (bus, _):
        await bus.send(JobSubmitted(job_id=JOB, tenant="t", spec=blob("nowhere"), submitted_at=datetime.now(UTC)))
        end = await finished(bus)

    assert end.snapshot.state is JobState.FAILED
    assert str(end.snapshot.reason).startswith("invalid_spec")
