"""Dead letters as the records of a topic."""

from dataclasses import dataclass
from datetime import UTC
from datetime import datetime

import pytest

from graftwork.admin.letters import Letter
from graftwork.admin.letters import read_letter
from graftwork.admin.letters import read_receipt
from graftwork.admin.letters import receipt_headers
from graftwork.admin.letters import replay_headers
from graftwork.kit.dead_letters import Header

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OWN: list[Header] = [("ce_id", b"e1"), ("ce_type", b"graftwork.x.v1"), ("ce_subject", b"job-1"), ("odd", None)]
DEATH: list[Header] = [
    ("dlq-reason", b"it \xff broke"),
    ("dlq-class", b"internal"),
    ("dlq-origin-topic", b"ns.x.v1"),
    ("dlq-origin-partition", b"2"),
    ("dlq-origin-offset", b"7"),
    ("dlq-service", b"search"),
    ("dlq-service-version", b"1"),
    ("dlq-attempts", b"2"),
    ("dlq-first-at", AT.isoformat().encode()),
]


@dataclass(frozen=True)
class Record:
    headers: list[Header]
    key: bytes | None = b"job-2"
    value: bytes | None = b"{}"
    partition: int = 1
    offset: int = 5
    timestamp: int = int(AT.timestamp() * 1000)


def test_a_letter_tells_who_buried_what_and_why() -> None:
    assert read_letter(Record([*OWN, *DEATH]), "ns.x.v1") == Letter(
        topic="ns.x.v1",
        partition=1,
        offset=5,
        at=AT,
        service="search",
        error_class="internal",
        reason="it \N{REPLACEMENT CHARACTER} broke",
        attempts=2,
        first_at=AT,
        event_id="e1",
        event_type="graftwork.x.v1",
        job_id="job-1",
        origin_partition="2",
        origin_offset="7",
        size_bytes=2,
    )


def test_a_record_that_somebody_else_wrote_is_shown_as_far_as_it_goes() -> None:
    letter = read_letter(Record([], value=None), "ns.x.v1")

    assert (letter.service, letter.error_class, letter.attempts) == ("unknown", "unknown", 1)
    assert (letter.job_id, letter.size_bytes, letter.event_id) == ("job-2", 0, "")


def test_a_replayed_record_is_what_it_was_and_brings_along_how_often_it_died() -> None:
    assert replay_headers([*OWN, *DEATH]) == [*OWN, *DEATH[-2:]]


def test_one_that_died_before_deaths_were_counted_has_died_once() -> None:
    assert replay_headers([*OWN, ("dlq-class", b"internal")]) == [*OWN, ("dlq-attempts", b"1")]


def test_a_receipt_names_its_letter() -> None:
    assert read_receipt(Record(list(receipt_headers(41, AT)))) == (41, "2026-01-02T03:04:05+00:00")


@pytest.mark.parametrize("headers", [[], DEATH, [("dlq-replayed-offset", b"x")], [("dlq-replayed-offset", None)]])
def test_what_is_no_receipt_is_none(headers: list[Header]) -> None:
    assert read_receipt(Record(headers)) is None
