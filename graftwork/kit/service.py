"""How any service runs: its words in a ``Router``, its parts in a ``Service``, its life in ``serve``.

Shutdown order: readiness false, polling stops, running tasks end within the drain time or go back to
the queue, offsets are committed, the outbox is published, connections close.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import NoReturn
from typing import TypeVar

import uvloop
from aiokafka import AIOKafkaConsumer
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pymongo import IndexModel
from starlette.types import ASGIApp

from graftwork.contracts.events import EventData
from graftwork.kit.admission import Admission
from graftwork.kit.admission import Handler
from graftwork.kit.blobs import Blobs
from graftwork.kit.bus import Event
from graftwork.kit.bus import ensure_topics
from graftwork.kit.bus import new_consumer
from graftwork.kit.bus import new_producer
from graftwork.kit.bus import topic_of
from graftwork.kit.clock import Clock
from graftwork.kit.clock import SystemClock
from graftwork.kit.connecting import mongo_arguments
from graftwork.kit.connecting import store_arguments
from graftwork.kit.errors import GraftworkError
from graftwork.kit.groups import plainly
from graftwork.kit.http import HttpServer
from graftwork.kit.http import OpensLater
from graftwork.kit.http import Readiness
from graftwork.kit.http import health_app
from graftwork.kit.journal import JournalWriter
from graftwork.kit.leaving import leave_after
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import configure_logging
from graftwork.kit.logging import get_logger
from graftwork.kit.loop_lag import watch_loop
from graftwork.kit.migrations import Migration
from graftwork.kit.migrations import Migrator
from graftwork.kit.migrations import Plan
from graftwork.kit.rebalances import CountedRebalances
from graftwork.kit.refusals import kafka_refusal
from graftwork.kit.refusals import mongo_refusals
from graftwork.kit.relay import Relay
from graftwork.kit.settings import ServiceSettings
from graftwork.kit.spans import Spans
from graftwork.kit.tasks import ContextFactory
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork.kit.tasks import plain_context
from graftwork.kit.telemetry import telemetry
from graftwork.kit.watch import Watch
from graftwork.kit.worker import TaskSpec
from graftwork.kit.worker import Worker

log = get_logger(__name__)
UNLIMITED = sys.maxsize
"""For ``max_attempts``."""
E = TypeVar("E", bound=EventData)
P = TypeVar("P", bound=TaskPayload)
C = TypeVar("C", bound=TaskContext)
EventHandler = Callable[[Event[E], Transaction], Awaitable[None]]
TaskHandler = Callable[[P, C], Awaitable[None]]


class Router:
    """The words of a service: which events it hears and which tasks it does."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.handlers: dict[str, Handler] = {}
        self.tasks: dict[str, TaskSpec] = {}

    def on(self, event: type[E]) -> Callable[[EventHandler[E]], EventHandler[E]]:
        """Admit this event with the decorated handler."""

        def register(handler: EventHandler[E]) -> EventHandler[E]:
            self.handlers[event.event_name] = handler
            return handler

        return register

    def task(self, payload: type[P], *, max_attempts: int = 5) -> Callable[[TaskHandler[P, C]], TaskHandler[P, C]]:
        """Do this task with the decorated function."""

        def register(function: TaskHandler[P, C]) -> TaskHandler[P, C]:
            self.tasks[payload.kind] = TaskSpec(payload, function, max_attempts)
            return function

        return register


@dataclass(frozen=True)
class Service:
    """The parts of a service, wired by its ``bootstrap``.

    ``app`` replaces the plain health application (the gateway's routes); ``background`` runs beside
    everything else and is cancelled at the end.
    """

    router: Router
    settings: ServiceSettings
    ledger: Ledger
    blobs: Blobs
    context: ContextFactory = plain_context
    indexes: Mapping[str, Sequence[IndexModel]] = field(default_factory=dict)
    migrations: Sequence[Migration] = ()
    readiness: Readiness = field(default_factory=Readiness)
    app: ASGIApp | None = None
    spans: Spans = field(default_factory=Spans)
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    closing: Sequence[Callable[[], Awaitable[None]]] = ()


def open_ledger(settings: ServiceSettings, service: str, clock: Clock | None = None) -> Ledger:
    """Ledger of a service, as its settings say."""
    return Ledger.connect(
        settings.mongo,
        service=service,
        namespace=settings.namespace,
        clock=clock or SystemClock(),
        **mongo_arguments(settings),
    )


def open_blobs(settings: ServiceSettings) -> Blobs:
    """Blob store of a service, as its settings say. Raises ``SettingsError``."""
    return Blobs.open(settings.blobs, store_arguments(settings))


def serve(build: Callable[[], Awaitable[Service]], settings: ServiceSettings, service: str) -> NoReturn:
    """Run a service until SIGTERM or SIGINT, and end the process. The process's ``main``.

    What an operator can mend is told in one line, with exit status 1.
    """
    configure_logging(service, settings)
    leave_after(lambda: _serve(build, settings, service))


def _serve(build: Callable[[], Awaitable[Service]], settings: ServiceSettings, service: str) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        with mongo_refusals(settings):
            await run(await build(), stop)

    try:
        with telemetry(service), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    except GraftworkError as error:
        log.error("service.failed", code=error.code, reason=str(error))  # noqa: TRY400 - told in words, not by a trace
        sys.exit(1)
    except Exception:
        log.critical("service.crashed", exc_info=True)
        sys.exit(1)


async def run(service: Service, stop: asyncio.Event, started: asyncio.Event | None = None) -> None:
    """Run ``service`` until ``stop`` is set; ``started`` is set once it consumes and serves."""
    settings, name = service.settings, service.router.service
    readiness = service.readiness
    async with contextlib.AsyncExitStack() as opened:
        opened.callback(log.info, "service.stopped")
        opened.push_async_callback(service.ledger.close)
        for close in reversed(service.closing):
            opened.push_async_callback(close)
        app = OpensLater(service.app or health_app(readiness), readiness)
        http = opened.enter_context(HttpServer(app, settings.http_host, settings.http_port))
        readiness.preparing = True
        await opened.enter_async_context(_serving(http))
        if not await _prepared(service, stop):
            return
        producer = new_producer(settings, name)
        opened.push_async_callback(producer.stop)
        await producer.start()
        topics = [topic_of(settings.namespace, event) for event in service.router.handlers]
        consumer = new_consumer(settings, name, topics)
        consumer.subscribe(topics, listener=CountedRebalances())
        opened.push_async_callback(consumer.stop)
        readiness.watch("mongo", service.ledger.ping)
        readiness.watch("blobs", service.blobs.ping)
        readiness.watch("kafka", lambda: _ping_kafka(consumer, settings))
        readiness.preparing = False
        app.open()
        log.info("service.started", port=http.port, kafka=settings.kafka, namespace=settings.namespace)
        await _live(service, (consumer, producer), stop, started)


@contextlib.asynccontextmanager
async def _serving(http: HttpServer) -> AsyncIterator[None]:
    """Answer from the first moment on: who asks whether a long migration lives has to be told."""
    with plainly():
        async with asyncio.TaskGroup() as group:
            group.create_task(http.serve())
            try:
                yield
            finally:
                http.stop()


async def _prepared(service: Service, stop: asyncio.Event) -> bool:
    """Make the servers what this release needs; False if told to stop before that was done."""
    with plainly():
        async with asyncio.TaskGroup() as group:
            preparing = group.create_task(_prepare(service))
            stopping = group.create_task(stop.wait())
            await asyncio.wait([preparing, stopping], return_when=asyncio.FIRST_COMPLETED)
            preparing.cancel()
            stopping.cancel()
    return not stop.is_set()


async def _prepare(service: Service) -> None:
    settings, ledger = service.settings, service.ledger
    plan = Plan.of(service.router.service, service.migrations)
    await Migrator(ledger, plan, lease_seconds=settings.lease_seconds, poll_seconds=settings.poll_seconds).run()
    await ledger.prepare(retention_days=settings.retention_days, indexes=service.indexes)
    await ensure_topics(settings)


async def _live(
    service: Service,
    kafka: tuple[AIOKafkaConsumer, AIOKafkaProducer],
    stop: asyncio.Event,
    started: asyncio.Event | None,
) -> None:
    consumer, producer = kafka
    settings, ledger = service.settings, service.ledger
    journal = JournalWriter(ledger)
    admission = Admission(
        service.router.handlers,
        consumer=consumer,
        producer=producer,
        ledger=ledger,
        settings=settings,
        spans=service.spans,
    )
    relay = Relay(ledger, producer, settings, service.spans)
    worker = Worker(
        service.router.tasks,
        ledger=ledger,
        blobs=service.blobs,
        journal=journal,
        context=service.context,
        settings=settings,
        spans=service.spans,
    )
    async with asyncio.TaskGroup() as group:
        watch = Watch.over(ledger, settings, service.router.handlers)
        group.create_task(watch.run())
        background = [group.create_task(_forever(work)) for work in (*service.background, watch_loop)]
        publishing = group.create_task(relay.run())
        writing = group.create_task(journal.run())
        working = group.create_task(worker.run())
        admitting = group.create_task(_join_and_admit(consumer, admission, started))
        await stop.wait()

        service.readiness.draining = True
        watch.stop()
        admission.stop()
        worker.stop()
        await asyncio.wait([admitting])
        await consumer.stop()
        await asyncio.wait([working])
        journal.stop()
        await asyncio.wait([writing])
        relay.stop()
        await asyncio.wait([publishing])
        for task in background:
            task.cancel()


async def _join_and_admit(consumer: AIOKafkaConsumer, admission: Admission, started: asyncio.Event | None) -> None:
    """Joining waits until the group has given up a member that died, and nothing else has to wait for that."""
    await consumer.start()
    if started is not None:
        started.set()
    await admission.run()


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _ping_kafka(consumer: AIOKafkaConsumer, settings: ServiceSettings) -> None:
    if not consumer.assignment():
        raise ConnectionError("no partitions assigned yet")
    try:
        await consumer.topics()
    except KafkaError as error:  # it tells the reason to the log alone
        raise await kafka_refusal(settings) from error
