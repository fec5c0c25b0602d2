"""Dead letters that wait: neither sent again, nor dismissed, nor gone with their time."""

import pytest

from graftwork.kit.dead_letters import DISMISSED_OFFSET
from graftwork.kit.dead_letters import REPLAYED_OFFSET
from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import settled_offset
from graftwork.kit.graves import Graves
from graftwork.kit.lag import Stand

LETTER: list[Header] = [("dlq-class", b"malformed_event")]


def receipt(offset: int, name: str = REPLAYED_OFFSET) -> list[Header]:
    return [(name, str(offset).encode())]


def buried(*records: list[Header]) -> Graves[str]:
    graves: Graves[str] = Graves()
    for offset, headers in enumerate(records):
        graves.note("p", offset, headers)
    return graves


def test_a_letter_waits_until_it_is_sent_again() -> None:
    assert buried(LETTER, LETTER).depths({"p": Stand(0, 2)}) == {"p": 2}
    assert buried(LETTER, LETTER, receipt(0)).depths({"p": Stand(0, 3)}) == {"p": 1}


def test_a_letter_waits_until_it_is_dismissed() -> None:
    assert buried(LETTER, LETTER, receipt(1, DISMISSED_OFFSET)).depths({"p": Stand(0, 3)}) == {"p": 1}


def test_a_letter_that_was_dismissed_and_sent_after_all_is_one() -> None:
    told = buried(LETTER, LETTER, receipt(1, DISMISSED_OFFSET), receipt(1))

    assert told.depths({"p": Stand(0, 4)}) == {"p": 1}


def test_a_letter_that_was_sent_twice_is_one() -> None:
    assert buried(LETTER, receipt(0), receipt(0)).depths({"p": Stand(0, 3)}) == {"p": 0}


def test_what_kafka_has_deleted_waits_no_more() -> None:
    assert buried(LETTER, LETTER, LETTER).depths({"p": Stand(2, 3)}) == {"p": 1}


def test_only_what_was_not_noted_is_read() -> None:
    graves = buried(LETTER)

    assert graves.unread({"p": Stand(0, 1), "q": Stand(4, 4), "r": Stand(4, 6)}) == {"r": range(4, 6)}
    assert graves.unread({"p": Stand(0, 2)}) == {"p": range(1, 2)}


def test_what_is_read_again_counts_once() -> None:
    graves = buried(LETTER, receipt(0), LETTER)
    for offset, headers in enumerate([LETTER, receipt(0), LETTER]):
        graves.note("p", offset, headers)

    assert graves.depths({"p": Stand(0, 3)}) == {"p": 1}


@pytest.mark.parametrize("name", [REPLAYED_OFFSET, DISMISSED_OFFSET])
def test_a_receipt_of_a_strangers_making_is_none(name: str) -> None:
    assert [settled_offset([(name, value)]) for value in (b"x", b"-1", b"9" * 40, None)] == [None] * 4
