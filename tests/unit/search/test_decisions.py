"""What search decides, without any I/O: whom to graft on, what a node is worth, when to stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_search.convergence import stable_rounds
from graftwork_search.convergence import trailing_failures
from graftwork_search.reward import hybrid_reward
from graftwork_search.selection import Candidate
from graftwork_search.selection import draw_parent
from graftwork_search.selection import top

scores = st.floats(min_value=1, max_value=5)
trees = st.lists(scores, min_size=1, max_size=12).map(
    lambda rewards: [Candidate(f"n{i}", reward) for i, reward in enumerate(rewards)]
)


@given(scores, scores)
def test_the_reward_is_the_mean_of_its_halves_and_stays_on_the_scale(sample: float, workflow: float) -> None:
    assert hybrid_reward(sample, workflow) == pytest.approx((sample + workflow) / 2)
    assert 1 <= hybrid_reward(sample, workflow) <= 5


@pytest.mark.parametrize(("sample", "workflow"), [(0.9, 3), (3, 5.1), (float("nan"), 3)])
def test_a_score_off_the_scale_is_refused(sample: float, workflow: float) -> None:
    with pytest.raises(ValueError, match="is not between"):
        hybrid_reward(sample, workflow)


@given(trees, st.floats(min_value=0, max_value=1, exclude_max=True), st.integers(1, 5))
def test_only_the_best_are_drawn_in_proportion_to_their_reward(tree: list[Candidate], ticket: float, k: int) -> None:
    drawn = draw_parent(tree, k=k, ticket=ticket)
    best = top(tree, k)

    assert drawn.node_id in {candidate.node_id for candidate in best}
    assert sum(drawn.probabilities.values()) == pytest.approx(1)
    for candidate in best:
        share = candidate.reward / sum(c.reward for c in best)
        assert drawn.probabilities[candidate.node_id] == pytest.approx(share)


def test_the_ticket_decides_and_the_same_ticket_decides_the_same() -> None:
    tree = [Candidate("a", 2.0), Candidate("b", 4.0), Candidate("c", 4.0), Candidate("d", 1.0)]
    drawn = [draw_parent(tree, k=3, ticket=ticket).node_id for ticket in (0.0, 0.39, 0.41, 0.79, 0.81, 0.999)]

    assert drawn == ["b", "b", "c", "c", "a", "a"]


def test_nothing_can_be_drawn_from_an_empty_tree() -> None:
    with pytest.raises(ValueError, match="nothing to draw from"):
        draw_parent([], k=3, ticket=0.5)


@given(st.lists(scores, max_size=3))
def test_nothing_is_stable_before_more_than_three_were_scored(rewards: list[float]) -> None:
    assert stable_rounds(rewards, epsilon=4) == 0


@given(st.lists(scores, min_size=4, max_size=20))
def test_everything_is_stable_when_any_move_is_small_enough(rewards: list[float]) -> None:
    assert stable_rounds(rewards, epsilon=4) == len(rewards) - 3


@pytest.mark.parametrize(
    ("rewards", "stable"),
    [
        ([3, 3, 3, 2, 2, 1], 3),  # three weaker ones change nothing
        ([3, 3, 3, 2, 4], 0),  # a new best one does
        ([3, 3, 3, 4, 2, 2], 2),
        ([3, 3.02, 3.04, 3.05, 3.06], 2),  # small steps count as stable
        ([3, 3, 3, 3.06], 0),
    ],
)
def test_rounds_are_stable_while_the_best_three_hardly_move(rewards: list[float], stable: int) -> None:
    assert stable_rounds(rewards, epsilon=0.05) == stable


@pytest.mark.parametrize(
    ("scored", "failures"),
    [([], 0), ([False] * 3, 3), ([True, False, False], 2), ([False, True], 0)],
)
def test_failures_are_counted_since_the_last_success(scored: list[bool], failures: int) -> None:
    assert trailing_failures(scored) == failures
