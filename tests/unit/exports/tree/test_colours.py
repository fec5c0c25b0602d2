from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.exports.tree.colours import Scale
from graftwork.exports.tree.colours import contrast
from graftwork.exports.tree.colours import ink

rewards = st.floats(min_value=1, max_value=5)


@given(known=st.lists(rewards, min_size=1), reward=rewards)
def test_a_reward_can_be_read_on_its_colour(known: list[float], reward: float) -> None:
    colour = Scale.of(known).colour(reward)

    assert contrast(ink(colour), colour) >= 4.5


@given(known=st.lists(rewards))
def test_a_scale_spans_the_rewards_within_the_range_of_scores(known: list[float]) -> None:
    scale = Scale.of(known)

    assert 1 <= scale.low < scale.high <= 5
    assert all(scale.low <= reward <= scale.high for reward in known)


def test_a_better_reward_is_brighter() -> None:
    scale = Scale(1, 5)
    brightness = [contrast("#000000", scale.colour(1 + step / 10)) for step in range(41)]

    assert all(one < other for one, other in pairwise(brightness))


@pytest.mark.parametrize(("one", "other", "expected"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48)])
def test_contrast_is_that_of_the_standard(one: str, other: str, expected: float) -> None:
    assert contrast(one, other) == pytest.approx(expected, abs=0.01)
