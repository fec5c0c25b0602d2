"""The time of a job: it runs at work and stands still while nobody works."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_search.stopwatch import Stopwatch

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_only_the_time_between_start_and_stop_counts() -> None:
    watch = Stopwatch()
    watch.start(after(0))
    watch.stop(after(10))
    watch.start(after(1000))

    assert watch.seconds(after(1005)) == 15
    assert watch.starts == 2


def test_a_watch_that_was_never_started_has_no_time() -> None:
    watch = Stopwatch()
    watch.stop(after(5))

    assert (watch.seconds(after(10)), watch.since, watch.starts) == (0, None, 0)


def test_stopping_twice_and_starting_twice_loses_and_adds_nothing() -> None:
    watch = Stopwatch()
    watch.start(after(0))
    watch.start(after(3))
    watch.stop(after(5))
    watch.stop(after(9))

    assert watch.seconds(after(20)) == 5


def test_a_clock_that_is_set_back_takes_no_time_away() -> None:
    watch = Stopwatch(before_seconds=7)
    watch.start(after(100))

    assert watch.seconds(after(0)) == 7


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=10))
def test_work_adds_up_whatever_the_pauses(parts: list[tuple[int, int]]) -> None:
    watch, now = Stopwatch(), 0
    for work, pause in parts:
        watch.start(after(now))
        watch.stop(after(now + work))
        now += work + pause

    assert watch.seconds(after(now)) == pytest.approx(sum(work for work, _ in parts))
    assert Stopwatch.model_validate(watch.model_dump(mode="json")) == watch
