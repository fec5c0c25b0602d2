"""What a service on real Kafka and MongoDB leaves in a trace: once per event, once per try of a task."""

from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry import context as contexts
from opentelemetry.sdk.trace import ReadableSpan

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import SeedsProposed
from graftwork.contracts.events import SeedsRequested
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import PermanentError
from graftwork.kit.ledger import INBOX
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Transaction
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork.kit.tracing import context_of
from graftwork.kit.tracing import inherited_traceparent
from tests.support.eventually import assert_eventually
from tests.support.in_process import TRACEPARENT
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.in_process import settings_for
from tests.support.kit_worker import a_request
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of

BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=0)
PROCESS, TASK, SEND = "process seeds.requested", "task draw", "send seeds.proposed"
Work = Callable[["Draw", TaskContext], Awaitable[None]]


class Draw(TaskPayload):
    """Work of the tests."""


@pytest.fixture
def settings(kafka_address: str, mongo_address: str, tmp_path: Path) -> ServiceSettings:
    return settings_for(ServiceSettings, kafka=kafka_address, mongo=mongo_address, home=tmp_path)


async def answer(task: Draw, ctx: TaskContext) -> None:
    async with ctx.commit() as commit:
        commit.emit(SeedsProposed(job_id=task.job_id, request_id=task.request_id, space=BLOB, size=1))


def a_service(settings: ServiceSettings, recorded: Recorded, work: Work = answer) -> Service:
    router = Router("worker")

    @router.on(SeedsRequested)
    async def admit(event: Event[SeedsRequested], tx: Transaction) -> None:
        if event.data.job_id == "poison":
            raise PermanentError("the secret of the error")
        tx.enqueue(Draw.of(event.data))

    router.task(Draw)(work)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, "worker"),
        blobs=Blobs.open(settings.blobs),
        spans=recorded.here,
    )


def by_attempt(span: ReadableSpan) -> int:
    return int(attributes(span)["graftwork.task.attempt"])


async def test_an_event_its_task_and_its_answer_are_a_chain(settings: ServiceSettings) -> None:
    recorded = Recorded()
    service = a_service(settings, recorded)
    async with bus_of(settings) as bus, running(service):
        await bus.send(a_request(1))
        await bus.wait_for(SeedsProposed)
        [carrier] = [event.traceparent for event in bus.heard if isinstance(event.data, SeedsProposed)]
        [admitted] = await service.ledger.read.find(INBOX, {})
        [to_do] = await service.ledger.read.find(TASKS, {})

    chain = [recorded.named(name) for name in (PROCESS, TASK, SEND)]
    [[process], [task], [send]] = chain
    assert [parent_of(span) for span in (process, task, send)] == [
        TRACEPARENT,
        traceparent_of(process),
        traceparent_of(task),
    ]
    assert carrier == traceparent_of(send)
    assert admitted["traceparent"] == TRACEPARENT
    assert to_do["traceparent"] == traceparent_of(process)


async def test_an_event_that_comes_again_leaves_nothing_more(settings: ServiceSettings) -> None:
    recorded = Recorded()
    async with bus_of(settings) as bus, running(a_service(settings, recorded)):
        for _ in range(4):
            await bus.send(a_request(1))
        await bus.send(a_request(2))
        await bus.wait_for(SeedsProposed, count=2)

    told = [attributes(span)["graftwork.request_id"] for span in recorded.named(PROCESS)]
    assert sorted(told) == ["job-1:r1", "job-1:r2"]
    assert [len(recorded.named(name)) for name in (TASK, SEND)] == [2, 2]


async def test_tries_of_a_task_lie_side_by_side(settings: ServiceSettings) -> None:
    recorded, tries = Recorded(), iter((DependencyDown("the secret of the error"), None))

    async def fails_once(task: Draw, ctx: TaskContext) -> None:
        error = next(tries)
        if error is not None:
            raise error
        await answer(task, ctx)

    async with bus_of(settings) as bus, running(a_service(settings, recorded, fails_once)):
        await bus.send(a_request(1))
        await bus.wait_for(SeedsProposed)

    first, second = sorted(recorded.named(TASK), key=by_attempt)
    told = [
        {name: attributes(span).get(name) for name in ("graftwork.task.outcome", "graftwork.task.fence", "error.type")}
        for span in (first, second)
    ]
    assert told == [
        {"graftwork.task.outcome": "retried", "graftwork.task.fence": 1, "error.type": "dependency_down"},
        {"graftwork.task.outcome": "done", "graftwork.task.fence": 2, "error.type": None},
    ]
    assert parent_of(first) == parent_of(second)
    assert "secret" not in recorded.everything


async def test_an_event_that_cannot_be_admitted_tells_so_and_harms_no_other(settings: ServiceSettings) -> None:
    recorded = Recorded()
    async with bus_of(settings) as bus, running(a_service(settings, recorded)):
        await bus.send(a_request(1, job="poison"))
        await bus.send(a_request(1))
        await bus.wait_for(SeedsProposed)

        async def both() -> None:
            assert len(recorded.named(PROCESS)) == 2

        await assert_eventually(both, timeout_seconds=30)

    told = {
        attributes(span)["graftwork.job_id"]: attributes(span).get("error.type") for span in recorded.named(PROCESS)
    }
    assert told == {"poison": PermanentError.code, "job-1": None}
    assert "secret" not in recorded.everything


async def test_a_trace_that_begins_in_a_transaction_ends_with_it(settings: ServiceSettings) -> None:
    ledger = open_ledger(settings, "worker")

    async def begin(_tx: Transaction) -> str | None:
        contexts.attach(context_of(TRACEPARENT))
        return inherited_traceparent()

    assert (await ledger.transaction(begin), inherited_traceparent()) == (TRACEPARENT, None)
    await ledger.close()
