"""The promises of the spine, on real Kafka and MongoDB: admit once, work under a lease, tell, stop."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import JobResumed
from graftwork.contracts.events import JobStopping
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.contracts.events import WorkFailed
from graftwork.contracts.jobs import JobState
from graftwork.contracts.usage import Grant
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import dead_letter_topic
from graftwork.kit.bus import topic_of
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import PermanentError
from graftwork.kit.errors import RetryableError
from graftwork.kit.job_life import stop_jobs
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskPayload
from graftwork.models.context import ModelTaskContext
from graftwork.models.context import model_context
from graftwork.models.fake import FakePlane
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import records_of
from tests.support.in_process import running
from tests.support.in_process import settings_for

BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=0)


class Propose(TaskPayload):
    """The tests' only task."""


Work = Callable[[Propose, ModelTaskContext], object]


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


def a_request(job: str = "job-1", number: int = 1, **more: object) -> SeedsRequested:
    deadline = datetime.now(UTC) + timedelta(minutes=5)
    values = {"job_id": job, "request_id": f"{job}:r{number}", "spec": BLOB, "deadline": deadline, **more}
    return SeedsRequested.model_validate(values)


def an_answer(task: Propose, ctx: ModelTaskContext) -> SeedsProposed:
    return SeedsProposed(job_id=task.job_id, request_id=task.request_id, used=ctx.used, space=BLOB, size=1)


async def answer(task: Propose, ctx: ModelTaskContext) -> None:
    async with ctx.commit() as commit:
        commit.emit(an_answer(task, ctx))


def a_service(
    settings: ServiceSettings, work: Work, *, plane: FakePlane | None = None, max_attempts: int = 5
) -> Service:
    router = Router("worker")
    stop_jobs(router)

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        if event.data.job_id == "poison":
            raise PermanentError("this job cannot be admitted")
        tx.enqueue(Propose.of(event.data))

    router.task(Propose, max_attempts=max_attempts)(work)  # type: ignore[arg-type]
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "worker"),
        blobs=Blobs.open(settings.blobs),
        context=model_context(plane or FakePlane({"any": "text"})),
    )


async def test_a_request_becomes_an_answer(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send(a_request())
        answers = await bus.wait_for(SeedsProposed)

    assert [one.request_id for one in answers] == ["job-1:r1"]


async def test_the_trace_of_the_request_reaches_the_answer(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send(a_request())
        await bus.wait_for(SeedsProposed)
        traces = {event.type: event.traceparent for event in bus.heard}

    assert len(set(traces.values())) == 1
    assert len(traces) == 2


async def test_a_redelivered_request_is_worked_on_once(settings: ServiceSettings) -> None:
    runs: list[str] = []

    async def count(task: Propose, ctx: ModelTaskContext) -> None:
        runs.append(task.request_id)
        await answer(task, ctx)

    service = a_service(settings, count)
    async with bus_of(settings) as bus, running(service):
        for _ in range(5):
            await bus.send(a_request())
        await bus.send(a_request(number=2))
        await bus.wait_for(SeedsProposed, count=2)
        inbox = await service.ledger.read.count(INBOX, {})

    assert sorted(runs) == ["job-1:r1", "job-1:r2"]
    assert inbox == 2


async def test_a_malformed_record_is_kept_untouched_and_harms_no_other(settings: ServiceSettings) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send_raw(topic, b"\xff not json", [("ce_id", b"1"), ("who", b"knows")], b"k")
        await bus.send(a_request())
        await bus.wait_for(SeedsProposed)
        [dead] = await records_of(settings, dead_letter_topic(topic), 1)

    headers = dict(dead.headers)
    assert dead.value == b"\xff not json"
    assert headers["who"] == b"knows"
    assert headers["dlq-class"] == b"malformed_event"
    assert headers["dlq-origin-topic"] == topic.encode()


@pytest.mark.parametrize(
    ("type_name", "value", "says"),
    [
        (b"graftwork.seeds.requested.v1", b"{}", b"job_id: Field required"),
        (b"graftwork.no.such.v1", b"{}", b"unknown event type"),
        (b"graftwork.seeds.requested.v1", b"[1, 2", b"not"),
    ],
)
async def test_the_dead_letter_says_why(settings: ServiceSettings, type_name: bytes, value: bytes, says: bytes) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    headers = [
        ("ce_id", b"1"),
        ("ce_source", b"/x"),
        ("ce_specversion", b"1.0"),
        ("ce_type", type_name),
        ("content-type", b"application/json"),
    ]
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send_raw(topic, value, headers)
        [dead] = await records_of(settings, dead_letter_topic(topic), 1)

    assert says in dict(dead.headers)["dlq-reason"]


async def test_an_event_its_handler_refuses_is_buried_alone(settings: ServiceSettings) -> None:
    topic = topic_of(settings.namespace, "seeds.requested")
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await asyncio.gather(*(bus.send(a_request(job)) for job in ("a", "poison", "b")))
        answers = await bus.wait_for(SeedsProposed, count=2)
        [dead] = await records_of(settings, dead_letter_topic(topic), 1)

    assert sorted(one.job_id for one in answers) == ["a", "b"]
    assert dict(dead.headers)["dlq-reason"] == b"this job cannot be admitted"


async def test_a_retryable_failure_is_tried_again(settings: ServiceSettings) -> None:
    attempts: list[int] = []

    async def fail_twice(task: Propose, ctx: ModelTaskContext) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise RetryableError("not yet")
        await answer(task, ctx)

    async with bus_of(settings) as bus, running(a_service(settings, fail_twice)):
        await bus.send(a_request())
        await bus.wait_for(SeedsProposed)

    assert attempts == [1, 2, 3]


@pytest.mark.parametrize(
    ("error", "code", "error_class"),
    [
        (PermanentError("never"), "permanent", "permanent"),
        (RetryableError("still not"), "retryable", "retryable"),
        (ZeroDivisionError("a bug"), "internal", "retryable"),
    ],
)
async def test_a_failure_is_told_with_its_class(
    settings: ServiceSettings, error: Exception, code: str, error_class: str
) -> None:
    async def fail(_task: Propose, _ctx: ModelTaskContext) -> None:
        raise error

    async with bus_of(settings) as bus, running(a_service(settings, fail, max_attempts=2)):
        await bus.send(a_request())
        [failure] = await bus.wait_for(WorkFailed)

    assert (failure.stage, failure.code, failure.error_class) == ("propose", code, error_class)
    assert failure.message == str(error)


async def test_an_outage_is_waited_out_however_many_tries_it_takes(settings: ServiceSettings) -> None:
    async def down_for_long(task: Propose, ctx: ModelTaskContext) -> None:
        if ctx.attempt < 8:
            raise DependencyDown("no pod answers")
        await answer(task, ctx)

    quick = settings.model_copy(update={"retry_cap_seconds": 0.02})
    async with bus_of(settings) as bus, running(a_service(quick, down_for_long, max_attempts=2)):
        await bus.send(a_request())
        await bus.wait_for(SeedsProposed)


async def test_an_outage_that_outlasts_the_deadline_is_named_in_the_failure(settings: ServiceSettings) -> None:
    async def down(_task: Propose, _ctx: ModelTaskContext) -> None:
        raise DependencyDown("no pod answers")

    quick = settings.model_copy(update={"retry_cap_seconds": 0.05})
    async with bus_of(settings) as bus, running(a_service(quick, down)):
        await bus.send(a_request(deadline=datetime.now(UTC) + timedelta(seconds=1)))
        [failure] = await bus.wait_for(WorkFailed)

    assert failure.code == "deadline_exceeded"
    assert "no pod answers" in failure.message


async def test_an_attempt_that_runs_again_replays_what_was_paid_for(settings: ServiceSettings) -> None:
    plane = FakePlane(lambda _request: "an answer")
    heard: list[str] = []

    async def ask_then_stumble(task: Propose, ctx: ModelTaskContext) -> None:
        for step in ("one", "two"):
            request = GenerateRequest(pool="generator", messages=(Message(role="user", content=step),))
            heard.extend((await ctx.generate(request, step=step)).texts)
            if ctx.attempt == 1:
                raise RetryableError("stumbled after the first call")
        await answer(task, ctx)

    async with bus_of(settings) as bus, running(a_service(settings, ask_then_stumble, plane=plane)):
        await bus.send(a_request())
        [told] = await bus.wait_for(SeedsProposed)

    assert heard == ["an answer"] * 3
    assert plane.calls["generator"] == 2
    assert told.used["generator"].calls == 2


async def test_no_call_is_made_that_the_grant_does_not_cover(settings: ServiceSettings) -> None:
    plane = FakePlane(lambda _request: "an answer")

    async def ask_much(task: Propose, ctx: ModelTaskContext) -> None:
        request = GenerateRequest(pool="generator", messages=(Message(role="user", content="?"),), max_tokens=10)
        await ctx.gather(ctx.generate(request, step=str(i)) for i in range(5))
        await answer(task, ctx)

    async with bus_of(settings) as bus, running(a_service(settings, ask_much, plane=plane)):
        await bus.send(a_request(grant=Grant(calls=3)))
        [failure] = await bus.wait_for(WorkFailed)

    assert failure.code == "grant_exhausted"
    assert plane.calls["generator"] == failure.used["generator"].calls == 3


async def test_stopping_a_job_cancels_its_running_task_and_skips_its_waiting_one(settings: ServiceSettings) -> None:
    entered, never = asyncio.Event(), asyncio.Event()

    async def hang(_task: Propose, _ctx: ModelTaskContext) -> None:
        entered.set()
        await never.wait()

    service = a_service(settings.model_copy(update={"task_concurrency": 1}), hang)
    async with bus_of(settings) as bus, running(service):
        await bus.send(a_request(number=1))
        await entered.wait()
        await bus.send(a_request(number=2))
        await bus.send(JobStopping(job_id="job-1", outcome=JobState.CANCELLED, reason="enough"))
        failures = await bus.wait_for(WorkFailed, count=2)

    assert {one.request_id: one.code for one in failures} == {"job-1:r1": "job_stopped", "job-1:r2": "job_stopped"}


async def test_work_of_a_run_that_goes_on_is_done_even_before_its_resuming_is_heard(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send(JobStopping(job_id="job-1", outcome=JobState.CANCELLED, reason="enough"))
        await bus.send(a_request(number=1))
        await bus.wait_for(WorkFailed)
        await bus.send(a_request(number=2, run=1))
        await bus.wait_for(SeedsProposed)
        await bus.send(JobResumed(job_id="job-1", run=1))
        await bus.send(a_request(number=3, run=1))
        answers = await bus.wait_for(SeedsProposed, count=2)
        await bus.send(a_request(number=4, run=0))
        await bus.wait_for(WorkFailed, count=2)

    failures = {one.request_id: one.code for one in bus.all(WorkFailed)}
    assert sorted(one.request_id for one in answers) == ["job-1:r2", "job-1:r3"]
    assert failures == {"job-1:r1": "job_stopped", "job-1:r4": "job_stopped"}


async def test_a_late_word_that_a_job_stops_does_not_stop_its_next_run(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, answer)):
        await bus.send(JobResumed(job_id="job-1", run=1))
        await bus.send(a_request(number=1, run=1))
        await bus.wait_for(SeedsProposed)
        await bus.send(JobStopping(job_id="job-1", outcome=JobState.CANCELLED, reason="enough"))
        await bus.send(a_request(number=2))
        await bus.wait_for(WorkFailed)
        await bus.send(a_request(number=3, run=1))
        answers = await bus.wait_for(SeedsProposed, count=2)

    assert sorted(one.request_id for one in answers) == ["job-1:r1", "job-1:r3"]


async def test_a_deadline_ends_the_work(settings: ServiceSettings) -> None:
    never = asyncio.Event()

    async def hang(_task: Propose, _ctx: ModelTaskContext) -> None:
        await never.wait()

    async with bus_of(settings) as bus, running(a_service(settings, hang)):
        await bus.send(a_request(deadline=datetime.now(UTC) + timedelta(seconds=0.3)))
        [failure] = await bus.wait_for(WorkFailed)

    assert failure.code == "deadline_exceeded"


async def test_a_zombie_cannot_write_its_result(settings: ServiceSettings) -> None:
    entered, resume = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def first_hangs(task: Propose, ctx: ModelTaskContext) -> None:
        if ctx.attempt == 1:
            entered.set()
            await asyncio.shield(resume.wait())
        order.append(f"attempt {ctx.attempt}")
        await answer(task, ctx)

    service = a_service(settings, first_hangs)
    async with bus_of(settings) as bus, running(service):
        await bus.send(a_request())
        await entered.wait()
        # Another worker takes the task over, as after a lease that ran out unnoticed, and finishes it.
        stolen = {"$set": {"lease": "another worker", "state": "done"}, "$inc": {"fence": 1}}
        await service.ledger.database[TASKS].update_one({}, stolen)
        resume.set()

        async def settled() -> None:
            assert order == ["attempt 1"]
            assert await service.ledger.read.count(OUTBOX, {}) == 0

        await assert_eventually(settled)
        await bus.send(a_request(number=2))
        entered.clear()
        answers = await bus.wait_for(SeedsProposed)

    assert [one.request_id for one in answers] == ["job-1:r2"]


async def test_a_task_that_keeps_killing_its_worker_is_given_up(settings: ServiceSettings) -> None:
    service = a_service(settings, answer, max_attempts=2)
    await service.ledger.prepare(retention_days=settings.retention_days)
    # As twenty workers leave it that were killed while they ran it, the last one long enough ago.
    task = Propose.of(a_request())
    left = {
        "state": "running",
        "lease": "gone",
        "deaths": 19,
        "attempts": 2,
        "due": datetime.now(UTC) - timedelta(hours=1),
    }

    async def leave(tx: Transaction) -> None:
        tx.enqueue(task)
        await tx.flush()
        await tx.update(TASKS, {"_id": task.task_id}, {"$set": left})

    await service.ledger.transaction(leave)
    async with bus_of(settings) as bus, running(service):
        [failure] = await bus.wait_for(WorkFailed)

    assert (failure.code, failure.error_class) == ("worker_killed", "permanent")


async def test_retention_can_be_changed_between_two_starts(settings: ServiceSettings) -> None:
    ledger = open_ledger(settings, "worker")
    for days in (3, 3, 1):
        await ledger.prepare(retention_days=days)
    expiries = [
        index.get("expireAfterSeconds") for index in (await ledger.database[INBOX].index_information()).values()
    ]
    await ledger.close()

    assert expiries == [None, 24 * 3600]


async def test_a_stopped_process_hands_its_task_back(settings: ServiceSettings) -> None:
    entered, never = asyncio.Event(), asyncio.Event()

    async def hang(_task: Propose, _ctx: ModelTaskContext) -> None:
        entered.set()
        await never.wait()

    quick = settings.model_copy(update={"drain_seconds": 0.1})
    async with bus_of(settings) as bus:
        async with running(a_service(quick, hang)):
            await bus.send(a_request())
            await entered.wait()
        async with running(a_service(settings, answer)):
            answers = await bus.wait_for(SeedsProposed, timeout_seconds=2.5)

    assert len(answers) == 1


async def test_two_processes_share_the_work_and_publish_each_answer_once(settings: ServiceSettings) -> None:
    async with bus_of(settings) as bus, running(a_service(settings, answer)), running(a_service(settings, answer)):
        for number in range(20):
            await bus.send(a_request(number=number))
        await bus.wait_for(SeedsProposed, count=20)
        await bus.send(a_request(number=99))
        answers = await bus.wait_for(SeedsProposed, count=21)

    assert len({one.request_id for one in answers}) == len(answers) == 21
