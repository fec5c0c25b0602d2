import random
from collections import Counter

import pytest

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork.models.patience import Patience


def patience(remaining_seconds: float = 60.0, unavailable_attempts: int = 3, seed: int = 0) -> Patience:
    return Patience(
        "p",
        remaining_seconds=lambda: remaining_seconds,
        unavailable_attempts=unavailable_attempts,
        backoff_seconds=0.1,
        jitter=random.Random(seed),  # noqa: S311 - a test that repeats
    )


@pytest.mark.parametrize("error", [ModelRefused("no"), UnknownPool("no"), ValueError("no")])
def test_what_will_not_change_is_not_tried_again(error: Exception) -> None:
    assert patience()(error) is False


@pytest.mark.parametrize("seed", range(20))
def test_what_a_pod_told_to_wait_is_a_lower_bound_spread_by_a_quarter(seed: int) -> None:
    wait = patience(seed=seed)(Overloaded("full", retry_after_seconds=2.0))

    assert 2.0 <= wait <= 2.5


@pytest.mark.parametrize("seed", range(20))
def test_waits_stay_below_a_cap_that_doubles_up_to_five_seconds(seed: int) -> None:
    tries = patience(seed=seed)

    waits = [tries(Overloaded("full")) for _ in range(10)]

    caps = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0]
    assert all(0 <= wait <= cap for wait, cap in zip(waits, caps, strict=True))


@pytest.mark.parametrize("told", [None, 0.0, 0.01])
def test_a_short_wait_told_again_and_again_grows_longer(told: float | None) -> None:
    tries = patience()

    waits = [tries(Overloaded("full", retry_after_seconds=told)) for _ in range(100)]

    assert sum(waits[10:]) > 100


@pytest.mark.parametrize("told", [0.0, 0.5, 30.0])
def test_a_thousand_callers_told_the_same_come_back_in_different_moments(told: float) -> None:
    waits = [patience(seed=seed)(Overloaded("full", retry_after_seconds=told)) for seed in range(1_000)]

    spread = max(0.1, told / 4)
    in_each_tenth = Counter(int(10 * (wait - told) / spread) for wait in waits)
    assert in_each_tenth.keys() == set(range(10))
    assert max(in_each_tenth.values()) < 150


def test_a_silent_pod_is_tried_so_many_times_in_all() -> None:
    tries = patience(unavailable_attempts=3)

    answers = [tries(DependencyDown("silent")) for _ in range(3)]

    assert [answer is False for answer in answers] == [False, False, True]


def test_a_full_pod_is_tried_until_the_deadline() -> None:
    tries = patience(unavailable_attempts=1)

    assert all(tries(Overloaded("full")) is not False for _ in range(100))


def test_a_wait_that_would_end_past_the_deadline_is_not_begun() -> None:
    assert patience(remaining_seconds=1.0)(Overloaded("full", retry_after_seconds=1.0)) is False
