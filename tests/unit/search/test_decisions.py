"""What search decides, without any I/O: whom to graft on, what a node is worth, when to stop."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.events import ScoreComponent
from graftwork.contracts.jobs import RewardKind
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.jobs import Selection
from graftwork_search.convergence import Outcome
from graftwork_search.convergence import StopCode
from graftwork_search.convergence import decide
from graftwork_search.convergence import stable_nodes
from graftwork_search.convergence import trailing_failures
from graftwork_search.reward import components
from graftwork_search.reward import hybrid_reward
from graftwork_search.reward import reward_of
from graftwork_search.selection import Candidate
from graftwork_search.selection import draw_parent
from graftwork_search.selection import ticket_for
from graftwork_search.selection import top

scores = st.floats(min_value=1, max_value=5)
tickets = st.floats(min_value=0, max_value=1, exclude_max=True)
trees = st.lists(scores, min_size=1, max_size=12).map(
    lambda rewards: [Candidate(f"n{i}", reward, is_root=i == 0) for i, reward in enumerate(rewards)]
)
waves_of_rewards = st.lists(st.lists(scores, max_size=4), max_size=8)


@given(scores, scores)
def test_the_reward_is_the_mean_of_its_halves_and_stays_on_the_scale(sample: float, workflow: float) -> None:
    assert hybrid_reward(sample, workflow) == pytest.approx((sample + workflow) / 2)
    assert 1 <= hybrid_reward(sample, workflow) <= 5


@given(scores, scores)
def test_an_ablated_reward_is_the_half_it_keeps(sample: float, workflow: float) -> None:
    assert reward_of(RewardKind.HYBRID, sample=sample, workflow=workflow) == hybrid_reward(sample, workflow)
    assert reward_of(RewardKind.SAMPLE, sample=sample, workflow=None) == sample
    assert reward_of(RewardKind.WORKFLOW, sample=None, workflow=workflow) == workflow


@pytest.mark.parametrize("kind", list(RewardKind))
def test_a_reward_waits_for_every_half_it_needs_and_for_no_other(kind: RewardKind) -> None:
    for component in components(kind):
        given_scores = {c: None if c is component else 3.0 for c in ScoreComponent}
        sample, workflow = given_scores[ScoreComponent.SAMPLE], given_scores[ScoreComponent.WORKFLOW]
        assert reward_of(kind, sample=sample, workflow=workflow) is None


@pytest.mark.parametrize(("sample", "workflow"), [(0.9, 3), (3, 5.1), (float("nan"), 3)])
def test_a_score_off_the_scale_is_refused(sample: float, workflow: float) -> None:
    with pytest.raises(ValueError, match="is not between"):
        hybrid_reward(sample, workflow)


@given(trees, tickets, st.integers(1, 5))
def test_only_the_best_are_drawn_in_proportion_to_their_reward(tree: list[Candidate], ticket: float, k: int) -> None:
    drawn = draw_parent(tree, k=k, ticket=ticket)
    best = top(tree, k)

    assert drawn.node_id in {candidate.node_id for candidate in best}
    assert sum(drawn.probabilities.values()) == pytest.approx(1)
    for candidate in best:
        share = candidate.reward / sum(c.reward for c in best)
        assert drawn.probabilities[candidate.node_id] == pytest.approx(share)


@given(trees, tickets, st.integers(1, 5))
def test_a_soft_mixed_draw_never_leaves_out_the_root_and_gives_everyone_a_chance(
    tree: list[Candidate], ticket: float, k: int
) -> None:
    drawn = draw_parent(tree, k=k, ticket=ticket, selection=Selection.SOFT_MIXED)
    chances = drawn.probabilities

    assert "n0" in chances
    assert len(chances) == min(k, len(tree))
    assert sum(chances.values()) == pytest.approx(1)
    assert min(chances.values()) >= 0.3 / len(chances) - 1e-12
    rewards = {candidate.node_id: candidate.reward for candidate in tree}
    assert sorted(chances.values(), reverse=True) == [chances[n] for n in sorted(chances, key=lambda n: -rewards[n])]


def test_a_soft_mixed_draw_has_the_constants_of_aflow_on_a_scale_of_zero_to_one() -> None:
    tree = [Candidate("root", 3.0, is_root=True), Candidate("a", 4.0), Candidate("b", 3.8)]
    scores_of_aflow = [0.75, 0.7, 0.5]
    weights = [math.exp(0.2 * (100 * score - 75)) for score in scores_of_aflow]

    drawn = draw_parent(tree, k=3, ticket=0.0, selection=Selection.SOFT_MIXED)

    expected = [0.3 / 3 + 0.7 * weight / sum(weights) for weight in weights]
    assert list(drawn.probabilities) == ["a", "b", "root"]
    assert list(drawn.probabilities.values()) == pytest.approx(expected)


def test_soft_mixed_exploits_where_the_paper_draws_almost_uniformly() -> None:
    tree = [Candidate("root", 4.0, is_root=True), Candidate("a", 4.8), Candidate("b", 4.4)]
    paper = draw_parent(tree, k=3, ticket=0.0)
    soft = draw_parent(tree, k=3, ticket=0.0, selection=Selection.SOFT_MIXED)

    assert paper.entropy_bits > 0.99 * math.log2(3)
    assert soft.entropy_bits < 0.8 * math.log2(3)


@given(trees, tickets, st.sampled_from(Selection))
def test_the_entropy_lies_between_certainty_and_chance(
    tree: list[Candidate], ticket: float, selection: Selection
) -> None:
    drawn = draw_parent(tree, k=3, ticket=ticket, selection=selection)

    assert -1e-12 <= drawn.entropy_bits <= math.log2(len(drawn.probabilities)) + 1e-12


def test_the_ticket_decides_and_the_same_ticket_decides_the_same() -> None:
    tree = [Candidate("a", 2.0), Candidate("b", 4.0), Candidate("c", 4.0), Candidate("d", 1.0)]
    drawn = [draw_parent(tree, k=3, ticket=ticket).node_id for ticket in (0.0, 0.39, 0.41, 0.79, 0.81, 0.999)]

    assert drawn == ["b", "b", "c", "c", "a", "a"]


@given(st.integers(0, 2**40), st.integers(1, 200))
def test_a_ticket_is_the_same_for_the_same_seed_and_number(seed: int, number: int) -> None:
    assert 0 <= ticket_for(seed, number) == ticket_for(seed, number) < 1
    assert ticket_for(seed, number) != ticket_for(seed, number + 1)


def test_nothing_can_be_drawn_from_an_empty_tree() -> None:
    with pytest.raises(ValueError, match="nothing to draw from"):
        draw_parent([], k=3, ticket=0.5)


def alone(rewards: list[float]) -> list[list[float]]:
    """Waves of one node each."""
    return [[reward] for reward in rewards]


@given(st.lists(scores, max_size=3))
def test_nothing_is_stable_before_more_than_three_were_scored(rewards: list[float]) -> None:
    assert stable_nodes(alone(rewards), epsilon=4) == 0


@given(st.lists(scores, min_size=4, max_size=20))
def test_everything_is_stable_when_any_move_is_small_enough(rewards: list[float]) -> None:
    assert stable_nodes(alone(rewards), epsilon=4) == len(rewards) - 3


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
    assert stable_nodes(alone(rewards), epsilon=0.05) == stable


@given(waves_of_rewards, st.randoms())
def test_the_order_within_a_wave_decides_nothing(waves: list[list[float]], random: Random) -> None:
    shuffled = [random.sample(wave, len(wave)) for wave in waves]

    assert stable_nodes(shuffled, epsilon=0.05) == stable_nodes(waves, epsilon=0.05)


def test_a_wave_that_moves_the_best_starts_the_count_anew_and_others_count_all_their_nodes() -> None:
    assert stable_nodes([[3], [3, 3, 3], [2, 2, 2]], epsilon=0.05) == 3
    assert stable_nodes([[3], [3, 3, 3], [2, 4, 2], [1, 1]], epsilon=0.05) == 2


LOST = Outcome(None)
SCORED = Outcome(3.0)
CUT_OFF = Outcome(None, interrupted=True)


@pytest.mark.parametrize(
    ("waves", "failures"),
    [
        ([], 0),
        ([[SCORED], [LOST], [LOST], [LOST]], 3),
        ([[LOST], [SCORED]], 0),
        ([[SCORED], [LOST, LOST, LOST, SCORED]], 0),  # siblings are no sequence
        ([[SCORED], [SCORED, LOST, LOST], [LOST, LOST]], 2),
        ([[SCORED], [LOST, CUT_OFF], [CUT_OFF]], 1),  # what was cut off did not fail
    ],
)
def test_failures_are_counted_since_the_last_wave_that_scored(waves: list[list[Outcome]], failures: int) -> None:
    assert trailing_failures(waves) == failures


def test_a_search_stops_for_its_iterations_its_stability_or_its_failures_and_else_goes_on() -> None:
    search = SearchSpec(iterations=8, patience=3, max_consecutive_failures=2, width=2)
    rising = [[Outcome(1.0)], [Outcome(2.0), Outcome(3.0)], [Outcome(4.0), Outcome(5.0)]]

    assert decide(search, rising) is None
    assert _code(search, [*rising, [LOST, LOST]]) is StopCode.FAILURES
    assert _code(search, [*rising, [Outcome(1.0)] * 2, [Outcome(1.0), LOST]]) is StopCode.ITERATIONS
    assert _code(search, [*rising, [Outcome(1.0)] * 3]) is StopCode.CONVERGED


def _code(search: SearchSpec, waves: list[list[Outcome]]) -> StopCode | None:
    stop = decide(search, waves)
    return stop.code if stop else None
