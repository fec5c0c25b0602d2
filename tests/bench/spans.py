"""What spans cost where nobody exports them, beside what they stand around: ``python -m tests.bench.spans``."""

import asyncio
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from graftwork.contracts.events import SeedsRequested
from graftwork.kit.bus import decode
from graftwork.kit.bus import encode
from graftwork.kit.clock import SystemClock
from graftwork.kit.spans import Spans
from graftwork.kit.tasks import DONE
from graftwork.kit.tasks import Lease
from graftwork.kit.work_spans import Processing
from graftwork.kit.work_spans import Sending
from graftwork.kit.work_spans import tell_outcome
from graftwork.kit.work_spans import trying
from tests.support.kit_worker import a_request

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_TIMES = 20_000
_RECORD: Any = SimpleNamespace(topic="graftwork.seeds.requested.v1", partition=0, offset=1)


def microseconds(work: Callable[[], object]) -> float:
    """Mean time of one call."""
    started = time.perf_counter()
    for _ in range(_TIMES):
        work()
    return (time.perf_counter() - started) / _TIMES * 1e6


def steps(spans: Spans) -> dict[str, Callable[[], object]]:
    """An event sent and processed, and a task tried, with nothing inside."""
    request: SeedsRequested = a_request(1)
    sent = encode(request, namespace="n", source="/x", time=SystemClock().now(), traceparent=_TRACE)
    event = decode(sent.headers.items(), sent.key, sent.value)
    row = {"_id": "e", "event": "seeds.requested", "key": sent.key, "topic": sent.topic, "headers": dict(sent.headers)}
    task = {"_id": "t", "kind": "k", "job_id": "j", "request_id": "r", "attempts": 1, "payload": {}}
    lease = Lease({**task, "traceparent": _TRACE}, "token", 1)

    def send() -> None:
        with Sending(spans, row) as sending:
            _ = sending.headers
            sending.until(acknowledged)

    def process() -> None:
        with Processing(spans, "g", tells_failures=True) as processing, processing.of(event, _RECORD):
            pass

    def attempt() -> None:
        with trying(spans, lease):
            tell_outcome(DONE)

    acknowledged = asyncio.new_event_loop().create_future()
    return {
        "decode an event (for scale)": lambda: decode(sent.headers.items(), sent.key, sent.value),
        "send": send,
        "process": process,
        "task": attempt,
    }


def main() -> None:
    """Print a table, in microseconds."""
    recorded = steps(Spans(TracerProvider(shutdown_on_exit=False)))
    lines = [
        f"{name:<28} {microseconds(work):>14.1f} {microseconds(recorded[name]):>10.1f}"
        for name, work in steps(Spans()).items()
    ]
    sys.stdout.write("\n".join((f"{'us each':<28} {'nobody exports':>14} {'recorded':>10}", *lines, "")))


if __name__ == "__main__":
    main()
