"""The spans of a service's own work: an event that is sent or processed, and a task that is tried."""

from asyncio import CancelledError
from asyncio import Future
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any
from typing import Self
from typing import TypeVar

from aiokafka import ConsumerRecord
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.contracts.events import EventData
from graftwork.kit.bus import TRACEPARENT
from graftwork.kit.bus import Event
from graftwork.kit.spans import Spans
from graftwork.kit.spans import at_hand
from graftwork.kit.spans import error_type
from graftwork.kit.spans import fail
from graftwork.kit.tasks import CANCELLED
from graftwork.kit.tasks import DONE
from graftwork.kit.tasks import Lease
from graftwork.kit.tracing import traced
from graftwork.kit.tracing import traceparent_of

E = TypeVar("E", bound=BaseException)
_AS_MEANT = frozenset({DONE, CANCELLED, "released"})


class Processing:
    """The ``process`` spans of one transaction: they end with it, since nothing is processed before.

    A transaction that runs again leaves the spans of its last run alone. ``tells_failures``: those of one that fails
    are told; else they are forgotten, and so are all events that turn out to be known.
    """

    def __init__(self, spans: Spans, group: str, *, tells_failures: bool) -> None:
        self._spans = spans
        self._group = group
        self._tells_failures = tells_failures
        self._open: list[trace.Span] = []

    def begin(self) -> None:
        """The transaction runs, perhaps again."""
        self._open.clear()

    @contextmanager
    def of(self, event: Event[Any], record: ConsumerRecord) -> Iterator[None]:
        """What is written inside follows from this event."""
        if not self._spans.exported:
            with traced(event.traceparent):
                yield
            return
        span = process_span(self._spans, event, record, self._group)
        self._open.append(span)
        with at_hand(span):
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and not self._tells_failures:
            return
        for span in self._open:
            if error is not None:
                fail(span, error)
            span.end()


def process_span(spans: Spans, event: Event[Any], record: ConsumerRecord, group: str) -> trace.Span:
    """``process <event>``: what this service makes of an event, until it is in the ledger."""
    data: EventData = event.data
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": record.topic,
        "messaging.destination.partition.id": str(record.partition),
        "messaging.kafka.offset": record.offset,
        "messaging.kafka.message.key": data.job_id,
        "messaging.consumer.group.name": group,
        "messaging.message.id": event.id,
        "cloudevents.event_id": event.id,
        "cloudevents.event_source": event.source,
        "cloudevents.event_type": event.type,
        "graftwork.job_id": data.job_id,
        "graftwork.event_id": event.id,
        "graftwork.request_id": getattr(data, "request_id", None),
        "graftwork.node_id": getattr(data, "node_id", None),
    }
    return spans.start(f"process {data.event_name}", SpanKind.CONSUMER, attributes, parent=event.traceparent or "")


def send_span(spans: Spans, row: Mapping[str, Any]) -> trace.Span:
    """``send <event>``: an outbox row on its way to Kafka. Its parent is what wrote the row."""
    key = row["key"].decode()
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": row["topic"],
        "messaging.kafka.message.key": key,
        "messaging.message.id": row["_id"],
        "graftwork.job_id": key,
        "graftwork.event_id": row["_id"],
    }
    return spans.start(f"send {row['event']}", SpanKind.PRODUCER, attributes, parent=_written_by(row))


class Sending:
    """The ``send`` span of one outbox row, from its hand-over until Kafka has acknowledged it or refused."""

    def __init__(self, spans: Spans, row: Mapping[str, Any]) -> None:
        self._span = send_span(spans, row) if spans.exported else trace.INVALID_SPAN
        self._row = row

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The row's, and this span as the one that carries it: the envelope's ``ce_traceparent`` stays what it was."""
        carrier = traceparent_of(self._span)
        told = [] if carrier is None else [(TRACEPARENT, carrier.encode())]
        return [*self._row["headers"].items(), *told]

    def failed(self, error: E) -> E:
        """It was not even handed over."""
        fail(self._span, error)
        self._span.end()
        return error

    def until(self, future: Future[object]) -> Future[object]:
        """It is handed over; what comes of it ends the span."""
        if self._span.is_recording():
            future.add_done_callback(self._acknowledged)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self.failed(error)

    def _acknowledged(self, future: Future[Any]) -> None:
        error = CancelledError() if future.cancelled() else future.exception()
        if error is not None:
            fail(self._span, error)
        else:
            sent = future.result()
            self._span.set_attribute("messaging.destination.partition.id", str(sent.partition))
            self._span.set_attribute("messaging.kafka.offset", sent.offset)
        self._span.end()


@contextmanager
def trying(spans: Spans, lease: Lease) -> Iterator[None]:
    """``task <kind>``: one attempt. Those of one task lie side by side below what enqueued it."""
    name = f"task {lease.row['kind']}"
    with traced(lease.row.get("traceparent")), spans.span(name, SpanKind.CONSUMER, task_attributes(lease)):
        yield


def task_attributes(lease: Lease) -> dict[str, Any]:
    """What is told of an attempt at a task."""
    row, payload = lease.row, lease.row["payload"]
    return {
        "graftwork.job_id": lease.job_id,
        "graftwork.task_id": lease.task_id,
        "graftwork.request_id": row["request_id"],
        "graftwork.node_id": payload.get("node_id"),
        "graftwork.task.kind": row["kind"],
        "graftwork.task.attempt": row["attempts"],
        "graftwork.task.fence": lease.fence,
    }


def tell_trouble(error: BaseException) -> None:
    """Tell what the attempt at hand met; its outcome says whether that is a failure."""
    trace.get_current_span().set_attribute("error.type", error_type(error))


def tell_outcome(outcome: str) -> None:
    """Tell how the attempt at hand ended; one that is cancelled or given back has not failed."""
    span = trace.get_current_span()
    span.set_attribute("graftwork.task.outcome", outcome)
    if outcome not in _AS_MEANT:
        span.set_status(StatusCode.ERROR)


def _written_by(row: Mapping[str, Any]) -> str:
    return str(row["headers"].get("ce_traceparent", b""), "ascii", "replace")
