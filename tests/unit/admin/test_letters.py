"""Dead letters as the records of a topic."""

from dataclasses import dataclass
from datetime import UTC
from datetime import datetime

import pytest

from graftwork.admin.letters import Fate
from graftwork.admin.letters import Letter
from graftwork.admin.letters import Receipts
from graftwork.admin.letters import read_letter
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


def noted(*fates: Fate) -> Receipts:
    """What was noted of the letter at 5, in this order."""
    receipts = Receipts()
    assert [receipts.take(Record(list(receipt_headers(fate, 5, AT)))) for fate in fates] == [True] * len(fates)
    return receipts


def test_a_receipt_tells_what_was_done_with_its_letter_alone() -> None:
    replayed, dismissed = noted(Fate.REPLAYED), noted(Fate.DISMISSED)

    assert (replayed.fate(5), dismissed.fate(5)) == (Fate.REPLAYED, Fate.DISMISSED)
    assert (replayed.fate(4), dismissed.fate(4)) == (None, None)


def test_a_settled_letter_tells_when() -> None:
    letter = read_letter(Record(DEATH), "ns.x.v1")
    waiting, replayed, dismissed = (noted(*fates).settle(letter) for fates in ((), (Fate.REPLAYED,), (Fate.DISMISSED,)))

    assert (waiting, waiting.fate) == (letter, None)
    assert (replayed.fate, replayed.replayed_at) == (Fate.REPLAYED, "2026-01-02T03:04:05+00:00")
    assert (dismissed.fate, dismissed.dismissed_at) == (Fate.DISMISSED, "2026-01-02T03:04:05+00:00")


def test_a_letter_that_was_dismissed_and_sent_after_all_was_sent() -> None:
    receipts = noted(Fate.DISMISSED, Fate.REPLAYED)

    assert receipts.fate(5) == receipts.settle(read_letter(Record(DEATH), "ns.x.v1")).fate == Fate.REPLAYED


@pytest.mark.parametrize("name", ["dlq-replayed-offset", "dlq-dismissed-offset"])
@pytest.mark.parametrize("value", [b"x", b"-1", b"", None])
def test_a_receipt_without_an_offset_is_none(name: str, value: bytes | None) -> None:
    assert not Receipts().take(Record([(name, value)]))


@pytest.mark.parametrize("headers", [[], DEATH])
def test_a_letter_is_no_receipt(headers: list[Header]) -> None:
    assert not Receipts().take(Record(headers))
