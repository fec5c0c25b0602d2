"""Dead letters that wait: neither sent again, nor gone with their time."""

from graftwork.kit.dead_letters import Header
from graftwork.kit.dead_letters import replayed_offset
from graftwork.kit.graves import Graves
from graftwork.kit.lag import Stand

LETTER: list[Header] = [("dlq-class", b"malformed_event")]


def receipt(offset: int) -> list[Header]:
    return [("dlq-replayed-offset", str(offset).encode())]


def buried(*records: list[Header]) -> Graves[str]:
    graves: Graves[str] = Graves()
    for offset, headers in enumerate(records):
        graves.note("p", offset, headers)
    return graves


def test_a_letter_waits_until_it_is_sent_again() -> None:
    assert buried(LETTER, LETTER).depths({"p": Stand(0, 2)}) == {"p": 2}
    assert buried(LETTER, LETTER, receipt(0)).depths({"p": Stand(0, 3)}) == {"p": 1}


def test_a_letter_that_was_sent_twice_is_one() -> None:
    assert buried(LETTER, receipt(0), receipt(0)).depths({"p": Stand(0, 3)}) == {"p": 0}


def test_what_kafka_has_deleted_waits_no_more() -> None:
    assert buried(LETTER, LETTER, LETTER).depths({"p": Stand(2, 3)}) == {"p": 1}


def test_only_what_was_not_noted_is_read() -> None:
    graves = buried(LETTER)

    assert graves.unread({"p": Stand(0, 1), "q": Stand(4, 4), "r": Stand(4, 6)}) == {"r": 6}
    assert graves.unread({"p": Stand(0, 2)}) == {"p": 2}


def test_what_is_read_again_counts_once() -> None:
    graves = buried(LETTER, receipt(0), LETTER)
    for offset, headers in enumerate([LETTER, receipt(0), LETTER]):
        graves.note("p", offset, headers)

    assert graves.depths({"p": Stand(0, 3)}) == {"p": 1}


def test_a_receipt_of_a_strangers_making_is_none() -> None:
    assert [replayed_offset([("dlq-replayed-offset", value)]) for value in (b"x", b"-1", b"9" * 40, None)] == [None] * 4
