"""A person looks at the first workflow before the search begins: asks, answers, and answers nobody waits for."""

import pytest

from graftwork.contracts.events import Decision
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import Purpose
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import ReviewSubmitted
from graftwork.contracts.events import SamplesGenerated
from graftwork.contracts.events import SamplesRequested
from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.events import ScoresRequested
from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.events import WorkflowRequested
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.kit.bus import topic_of
from graftwork.kit.ledger import TASKS
from graftwork_search.settings import SearchSettings
from tests.support.eventually import assert_eventually
from tests.support.in_process import records_of
from tests.support.searching import Scripts
from tests.support.searching import a_failure
from tests.support.searching import a_spec
from tests.support.searching import play
from tests.support.workers import Answers
from tests.support.workers import Workers
from tests.support.workers import answer_to
from tests.support.workers import blob


def crash_at(*attempts: int) -> Scripts:
    """The root's evaluation crashes in these attempts, counted from 0."""

    def crash(request: SamplesRequested, workers: Workers) -> Answers | None:
        evaluations = [r for r in workers.asked if isinstance(r, SamplesRequested) and r.purpose is Purpose.EVALUATION]
        if request.purpose is not Purpose.EVALUATION or len(evaluations) - 1 not in attempts:
            return None
        told = {"node_id": request.node_id, "purpose": request.purpose, "samples": blob("bad"), "ok": 0}
        return [answer_to(request, SamplesGenerated, **told, failed={"crashed": request.count}, trace="line 3: boom")]

    return {SamplesRequested: crash}


async def test_an_approved_workflow_is_scored_on_the_samples_that_were_shown(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        review = await job.review()
        await job.until(lambda: job.snapshot().state is JobState.WAITING_FOR_REVIEW)
        waiting = job.snapshot()
        asked_meanwhile = job.asked(ScoresRequested)
        await job.answer_review(review.review_id, Decision.APPROVE)
        end = await job.ended()

    evaluated = job.asked(SamplesRequested, node_id=review.node_id, purpose=Purpose.EVALUATION)
    judged = job.asked(ScoresRequested, node_id=review.node_id, component=ScoreComponent.SAMPLE, metrics=None)
    assert (review.round, review.rounds, review.expires_at) == (1, 3, None)
    assert (waiting.phase, waiting.review and waiting.review.review_id) == ("reviewing", review.review_id)
    assert not asked_meanwhile
    assert [one.samples for one in judged] == [review.samples]
    assert len(evaluated) == 1
    assert (end.snapshot.state, end.snapshot.review) == (JobState.SUCCEEDED, None)


async def test_feedback_becomes_a_revision_that_is_shown_again(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        first = await job.review()
        await job.answer_review(first.review_id, Decision.REVISE, "shorter, and for children")
        second = await job.review(2)
        await job.answer_review(second.review_id, Decision.APPROVE)
        end = await job.ended()

    [revision] = job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)
    assert (revision.feedback, revision.samples) == ("shorter, and for children", first.samples)
    assert (revision.parent, revision.parent_node_id) == (first.workflow, first.node_id)
    assert (second.round, second.node_id) == (2, first.node_id)
    assert second.workflow != first.workflow
    assert job.nodes()[0].feedback == "shorter, and for children"
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_what_is_wanted_in_the_last_round_is_done_and_not_shown_again(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review={"mode": "human", "rounds": 1}))
        review = await job.review()
        await job.answer_review(review.review_id, Decision.REVISE, "shorter")
        end = await job.ended()

    assert len(job.bus.all(ReviewRequested)) == 1
    assert [r.feedback for r in job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)] == ["shorter"]
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_job_without_review_asks_nobody(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec())
        await job.ended()

    assert not job.bus.all(ReviewRequested)


async def test_answers_that_nobody_waits_for_change_nothing(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        review = await job.review()
        await job.answer_review("job-1:review:9", Decision.APPROVE)
        await job.answer_review(review.review_id, Decision.REVISE, "shorter")
        await job.answer_review(review.review_id, Decision.APPROVE)
        second = await job.review(2)
        await job.answer_review(review.review_id, Decision.APPROVE)
        await job.handled(ReviewSubmitted, 4)
        unmoved = job.asked(ScoresRequested)
        await job.answer_review(second.review_id, Decision.APPROVE)
        await job.answer_review(second.review_id, Decision.REVISE, "longer")
        await job.ended()
        await job.answer_review(second.review_id, Decision.REVISE, "after the end")
        await job.handled(ReviewSubmitted, 7)

    assert not unmoved
    assert [r.feedback for r in job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)] == ["shorter"]
    assert len(job.bus.all(JobFinished)) == 1


async def test_a_waiting_job_that_is_cancelled_ends_at_once(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        review = await job.review()
        await job.cancel()
        end = await job.ended()
        await job.answer_review(review.review_id, Decision.APPROVE)
        await job.handled(ReviewSubmitted)

    assert (end.snapshot.state, end.snapshot.review) == (JobState.CANCELLED, None)
    assert (job.nodes()[0].state, job.nodes()[0].error) == (NodeState.FAILED, "the job ended first")
    assert not job.asked(ScoresRequested)


async def test_silence_is_a_yes_where_the_job_says_so(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review={"mode": "human", "timeout_seconds": 0.2}))
        end = await job.ended()

    [review] = job.bus.all(ReviewRequested)
    assert review.expires_at is not None
    assert (review.expires_at - review.opened_at).total_seconds() == pytest.approx(0.2)
    assert "review.approved" in job.said()
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_silence_is_a_no_where_the_job_says_so(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review={"mode": "human", "timeout_seconds": 0.2, "on_timeout": "cancel"}))
        end = await job.ended()

    assert end.snapshot.state is JobState.CANCELLED
    assert end.snapshot.reason == "cancelled: nobody answered the review in time"


async def test_the_end_of_a_review_that_was_answered_ends_nothing(settings: SearchSettings) -> None:
    slow = {"mode": "human", "timeout_seconds": 1, "on_timeout": "cancel", "rounds": 1}

    async def expired() -> None:
        where = {"kind": "review_expiry", "state": "done"}
        assert await job.service.ledger.read.count(TASKS, where) == 1

    async with play(settings, {WorkflowRequested: hold_revisions}) as job:
        await job.submit(a_spec(review=slow))
        review = await job.review()
        await job.answer_review(review.review_id, Decision.REVISE, "shorter")
        await assert_eventually(expired, timeout_seconds=20)
        [held] = job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)
        for answer in job.workers.usual(held):
            await job.bus.send(answer)
        end = await job.ended()

    assert end.snapshot.state is JobState.SUCCEEDED


def hold_revisions(request: WorkflowRequested, _workers: Workers) -> Answers | None:
    return [] if request.kind is WorkflowKind.REVISE else None


async def test_only_a_workflow_that_runs_is_shown(settings: SearchSettings) -> None:
    async with play(settings, crash_at(0, 2)) as job:
        await job.submit(a_spec(review="human"))
        first = await job.review()
        await job.answer_review(first.review_id, Decision.REVISE, "shorter")
        second = await job.review(2)
        await job.answer_review(second.review_id, Decision.APPROVE)
        end = await job.ended()

    kinds = [r.kind for r in job.asked(WorkflowRequested)][:4]
    assert kinds == [WorkflowKind.INITIAL, WorkflowKind.REPAIR, WorkflowKind.REVISE, WorkflowKind.REPAIR]
    assert (first.samples_ok, second.samples_ok) == (4, 4)
    assert end.snapshot.state is JobState.SUCCEEDED
    assert job.nodes()[0].error is None


async def test_a_revision_that_says_nothing_is_set_aside_and_the_review_stays_open(settings: SearchSettings) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        review = await job.review()
        await job.answer_review(review.review_id, Decision.REVISE, "  ")
        topic = topic_of(settings.namespace, ReviewSubmitted.event_name)
        [buried] = await records_of(settings, f"{topic}.dlq", 1)
        await job.answer_review(review.review_id, Decision.APPROVE)
        end = await job.ended()

    assert b"nothing is said about how" in dict(buried.headers)["dlq-reason"]
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_the_time_of_a_job_stands_still_while_it_waits(settings: SearchSettings) -> None:
    async def rang() -> None:
        alarms = await job.service.ledger.read.find(TASKS, {"kind": "wall_clock"})
        assert [alarm["state"] for alarm in alarms] == ["done", "done"]

    async with play(settings) as job:
        await job.submit(a_spec(review="human", budget={"wall_seconds": 3}))
        await job.review()
        await assert_eventually(rang, timeout_seconds=30)
        still = job.snapshot().state
        stopped = job.bus.all(JobStopping)
        await job.cancel()
        await job.ended()

    assert still is JobState.WAITING_FOR_REVIEW
    assert not stopped


async def test_a_job_cancelled_while_it_waited_is_shown_again_when_it_goes_on(
    settings: SearchSettings,
) -> None:
    async with play(settings) as job:
        await job.submit(a_spec(review="human"))
        first = await job.review()
        await job.cancel()
        await job.ended()
        await job.retry()
        second = await job.review(2)
        await job.answer_review(first.review_id, Decision.REVISE, "shorter")
        await job.handled(ReviewSubmitted)
        await job.answer_review(second.review_id, Decision.APPROVE)
        end = await job.ended(run=1)

    assert (second.round, second.samples, second.workflow) == (1, first.samples, first.workflow)
    assert second.review_id != first.review_id
    assert len(job.asked(SamplesRequested, node_id=first.node_id, purpose=Purpose.EVALUATION)) == 1
    assert not job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)
    assert end.snapshot.state is JobState.SUCCEEDED


async def test_a_retry_asks_for_the_revision_that_could_not_be_had(settings: SearchSettings) -> None:
    def refuse_at_first(request: WorkflowRequested, _workers: Workers) -> Answers | None:
        refuse = request.kind is WorkflowKind.REVISE and not request.run
        return [a_failure(request, "invalid_answer")] if refuse else None

    async with play(settings, {WorkflowRequested: refuse_at_first}) as job:
        await job.submit(a_spec(review={"mode": "human", "rounds": 1}))
        review = await job.review()
        await job.answer_review(review.review_id, Decision.REVISE, "in verse")
        first = await job.ended()
        await job.retry()
        second = await job.ended(run=1)

    wanted = job.asked(WorkflowRequested, kind=WorkflowKind.REVISE)
    assert [(request.run, request.feedback, request.samples) for request in wanted] == [
        (0, "in verse", review.samples),
        (1, "in verse", review.samples),
    ]
    assert first.snapshot.reason == "no_workflow: invalid_answer: it did not work"
    assert second.snapshot.state is JobState.SUCCEEDED
    assert len(job.bus.all(ReviewRequested)) == 1
