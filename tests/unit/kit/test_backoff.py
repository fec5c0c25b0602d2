"""Waits grow, stay within their window, and never undercut what was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from graftwork.kit.backoff import backoff_seconds

seconds = st.floats(min_value=0.001, max_value=1e4)


@given(st.integers(1, 10_000), seconds, seconds)
def test_a_wait_lies_in_the_upper_half_of_its_window(attempt: int, base: float, cap: float) -> None:
    window = min(cap, base * 2 ** min(attempt - 1, 30))

    assert window / 2 <= backoff_seconds(attempt, base_seconds=base, cap_seconds=cap) <= window


@given(st.integers(1, 100), seconds, seconds, st.floats(min_value=0, max_value=1e6))
def test_a_server_that_asks_for_time_gets_it(attempt: int, base: float, cap: float, asked: float) -> None:
    assert backoff_seconds(attempt, base_seconds=base, cap_seconds=cap, at_least_seconds=asked) >= asked


def test_waits_are_spread() -> None:
    waits = {backoff_seconds(3, base_seconds=1, cap_seconds=60) for _ in range(20)}

    assert len(waits) > 1
