"""Bootstrap intervals of a finalist's score: within its samples, the same everywhere, narrower with more of them."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_search.interval import bootstrap_interval
from graftwork_search.interval import overlap

scores = st.lists(st.floats(min_value=1, max_value=5), min_size=2, max_size=20)
bounds = st.tuples(st.floats(1, 5), st.floats(1, 5)).map(lambda pair: (min(pair), max(pair)))


@given(scores, st.text(max_size=8))
def test_an_interval_lies_within_the_samples_and_a_seed_decides_it(values: list[float], seed: str) -> None:
    interval = bootstrap_interval(values, seed=seed)

    assert interval is not None
    assert min(values) - 1e-9 <= interval[0] <= interval[1] <= max(values) + 1e-9
    assert bootstrap_interval(values, seed=seed) == interval


@pytest.mark.parametrize("values", [[], [4.0]])
def test_fewer_than_two_samples_have_no_interval(values: list[float]) -> None:
    assert bootstrap_interval(values, seed="x") is None


def test_equal_samples_leave_no_doubt() -> None:
    assert bootstrap_interval([3.5] * 8, seed="x") == (3.5, 3.5)


def test_an_interval_holds_the_mean_and_narrows_with_more_samples() -> None:
    few, many = [2.0, 3.0, 4.0, 5.0], [2.0, 3.0, 4.0, 5.0] * 10
    wide, narrow = bootstrap_interval(few, seed="x"), bootstrap_interval(many, seed="x")

    assert wide is not None
    assert narrow is not None
    assert wide[0] < narrow[0] < fmean(few) < narrow[1] < wide[1]


def test_most_intervals_of_samples_from_one_source_hold_its_mean() -> None:
    """A fair die of five sides, 30 throws each: 3 lies within about 19 of 20 intervals."""
    covered = 0
    for number in range(100):
        throws = [1 + (7 * number + 13 * i + i * i * (number + 3)) * 2654435761 % 2**32 * 5 // 2**32 for i in range(30)]
        interval = bootstrap_interval([float(throw) for throw in throws], seed=str(number))
        assert interval is not None
        covered += interval[0] <= 3.0 <= interval[1]

    assert covered >= 85


@given(bounds, bounds)
def test_overlap_is_mutual_and_means_a_point_in_common(one: tuple[float, float], other: tuple[float, float]) -> None:
    assert overlap(one, other) == overlap(other, one) == (max(one[0], other[0]) <= min(one[1], other[1]))
