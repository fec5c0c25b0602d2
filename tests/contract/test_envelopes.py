"""The published headers are those that are sent: none more, none less, and each of the form that was promised."""

from collections.abc import Iterable
from datetime import UTC
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from typing import cast

import pytest
from aiokafka import AIOKafkaProducer
from jsonschema import Draft202012Validator

from graftwork.admin.letters import Fate
from graftwork.admin.letters import receipt_headers
from graftwork.admin.letters import replay_headers
from graftwork.contracts.events import EventData
from graftwork.kit.bus import encode
from graftwork.kit.clock import FakeClock
from graftwork.kit.dead_letters import DeadLetters
from graftwork.kit.errors import MalformedEvent
from graftwork.kit.ledger import Ledger
from publishing.envelope import CLOUD_EVENT
from publishing.envelope import DEAD_LETTER
from publishing.envelope import RECEIPT
from publishing.envelope import headers_of
from publishing.envelope import sent
from publishing.examples import full_example

AT = datetime(2026, 1, 2, tzinfo=UTC)


class Recorder:
    """Keeps the headers that it is given to send."""

    def __init__(self) -> None:
        self.headers: list[tuple[str, bytes]] = []

    async def send_and_wait(self, _topic: str, *, headers: list[tuple[str, bytes]], **_record: Any) -> None:
        self.headers = headers


def problems(headers: Iterable[tuple[str, bytes | None]], schema: dict[str, Any]) -> list[str]:
    """What the schema says against the headers, which may have no other names than it knows."""
    told = {name: (value or b"").decode() for name, value in headers}
    closed = Draft202012Validator({**schema, "additionalProperties": False})
    return [error.message for error in closed.iter_errors(told)]


@pytest.mark.parametrize("name", EventData.registry)
def test_every_event_is_sent_with_the_headers_that_were_promised(name: str) -> None:
    record = sent(full_example(EventData.registry[name]), "search")

    assert problems(record.headers.items(), CLOUD_EVENT) == []
    assert record.key.decode() == headers_of(record)["ce_partitionkey"] == headers_of(record)["ce_subject"]


def test_what_is_required_is_what_an_event_outside_of_any_trace_has() -> None:
    example = full_example(EventData.registry["job.deleted"])

    record = encode(example, namespace="n", source="/graftwork/gateway", time=AT, traceparent=None)

    assert sorted(record.headers) == sorted(CLOUD_EVENT["required"])


async def test_a_dead_letter_has_the_headers_that_were_promised() -> None:
    recorder, ledger = Recorder(), SimpleNamespace(clock=FakeClock(AT), service="search")
    letters = DeadLetters(cast("AIOKafkaProducer", recorder), cast("Ledger", ledger))
    record = SimpleNamespace(topic="t", partition=2, offset=7, key=b"k", value=b"junk", headers=[])

    await letters.bury(record, MalformedEvent("no event"))

    assert problems(recorder.headers, DEAD_LETTER) == []
    assert sorted(name for name, _ in recorder.headers) == sorted(DEAD_LETTER["required"])


def test_a_record_sent_again_has_headers_of_an_event() -> None:
    record = sent(full_example(EventData.registry["job.deleted"]), "gateway")
    buried = [*record.headers.items(), ("dlq-attempts", b"1"), ("dlq-first-at", AT.isoformat().encode())]

    assert problems(replay_headers(buried), CLOUD_EVENT) == []


@pytest.mark.parametrize("fate", Fate)
def test_a_receipt_has_the_headers_that_were_promised(fate: Fate) -> None:
    assert problems(receipt_headers(fate, 7, AT), RECEIPT) == []


def test_a_receipt_tells_of_one_fate_alone() -> None:
    both = [header for fate in Fate for header in receipt_headers(fate, 7, AT)]

    assert len(problems(both, RECEIPT)) == len(problems([], RECEIPT)) == 1
