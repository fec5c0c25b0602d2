from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.rest import JobEvent
from graftwork_gateway.documents import EventRow
from graftwork_gateway.streams import deliverable
from graftwork_gateway.streams import frame
from tests.support.search_told import snapshot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(version: int, age_seconds: float = 0.0, message: str = "") -> EventRow:
    event = JobEvent(version=version, what="node.scored", message=message, snapshot=snapshot("job-1", version))
    at = NOON - timedelta(seconds=age_seconds)
    return EventRow(id=f"job-1:{version}", tenant="t", job_id="job-1", version=version, at=at, event=event)


def sent(versions: list[int], after: int, *, age_seconds: float = 0.0) -> list[int]:
    rows = [row(version, age_seconds) for version in versions]
    return [one.version for one in deliverable(rows, after, NOON, gap_seconds=60)]


@pytest.mark.parametrize(
    ("there", "after", "expected"),
    [
        ([], 0, []),
        ([1, 2, 3], 0, [1, 2, 3]),
        ([3, 4], 2, [3, 4]),
        ([2, 3], 0, []),
        ([1, 3, 4], 0, [1]),
    ],
)
def test_versions_wait_for_the_one_before(there: list[int], after: int, expected: list[int]) -> None:
    assert sent(there, after) == expected


def test_a_missing_version_is_not_waited_for_for_ever() -> None:
    assert sent([1, 3, 4], 0, age_seconds=61) == [1, 3, 4]


@pytest.mark.parametrize(
    ("before", "behind", "expected"),
    [
        (61, 61, [3, 4]),
        (500, 59, []),
        (59, 500, []),  # a backlog is being worked off: the end was told first, the rest is coming in
    ],
)
def test_patience_is_counted_from_the_younger_side_of_the_gap(before: int, behind: int, expected: list[int]) -> None:
    rows = [row(1, before), row(3, behind), row(4, behind)]

    assert [one.version for one in deliverable(rows, 1, NOON, gap_seconds=60)] == expected


@given(st.sets(st.integers(min_value=1, max_value=30)), st.integers(min_value=0, max_value=30))
def test_what_is_sent_has_no_gaps_and_nothing_ready_is_held_back(there: set[int], after: int) -> None:
    behind = sorted(version for version in there if version > after)
    told = sent(behind, after)

    assert told == list(range(after + 1, after + 1 + len(told)))
    assert after + len(told) + 1 not in there


def test_a_frame_is_one_event_whatever_its_text() -> None:
    text = frame(row(7, message="two\nlines\r\nand: more")).decode()

    assert text.startswith("event: node.scored\ndata: {")
    assert text.endswith("\nid: 7\n\n")
    assert text.count("\n") == 4
