"""Laws of the overlap, and what the lexical measure can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_evaluator.overlap import Vector
from graftwork_evaluator.overlap import cosine
from graftwork_evaluator.overlap import embedded
from graftwork_evaluator.overlap import lexical
from graftwork_evaluator.overlap import most_agreed
from graftwork_evaluator.overlap import overlap

_numbers = st.floats(min_value=-10, max_value=10, allow_nan=False)
_vectors = st.lists(_numbers, min_size=4, max_size=4)
_sets = st.lists(_vectors, min_size=1, max_size=6).map(lambda rows: embedded(rows, centred=False))
_texts = st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=8)


@given(_sets, _sets)
def test_overlap_is_symmetric(left: list[Vector], right: list[Vector]) -> None:
    assert overlap(left, right) == overlap(right, left)


@given(_sets, _sets)
def test_overlap_lies_between_minus_one_and_one(left: list[Vector], right: list[Vector]) -> None:
    assert -1.0 <= overlap(left, right) <= 1.0


@given(st.data())
def test_overlap_does_not_depend_on_the_order_of_metrics(data: st.DataObject) -> None:
    left, right = data.draw(_sets), data.draw(_sets)
    assert overlap(data.draw(st.permutations(left)), data.draw(st.permutations(right))) == overlap(left, right)


@given(_sets.filter(all))
def test_a_set_overlaps_itself_fully(metrics: list[Vector]) -> None:
    assert overlap(metrics, metrics) == pytest.approx(1.0)


@given(_texts)
def test_lexical_vectors_have_no_negative_similarity(texts: list[str]) -> None:
    vectors = lexical(texts)
    assert all(0.0 <= cosine(a, b) <= 1.0 for a in vectors for b in vectors)


def test_lexical_similarity_follows_the_words_that_differ_and_not_the_shared_wording() -> None:
    same, other, third = lexical(
        [
            "the text should contain arithmetic without a mistake",
            "the text should contain no mistakes in the arithmetic",
            "the text should contain a friendly greeting for children",
        ]
    )
    assert cosine(same, other) > cosine(same, third)


def test_the_set_that_the_others_agree_with_is_chosen() -> None:
    east, north, northeast = embedded([[1, 0], [0, 1], [1, 1]], centred=False)
    choice = most_agreed([[east], [northeast], [north]])
    assert choice.chosen == 1
    assert choice.overlaps == pytest.approx((0.3536, 0.7071, 0.3536), abs=1e-4)


def test_the_first_of_equal_sets_is_chosen() -> None:
    one = embedded([[1, 2]], centred=False)
    assert most_agreed([one, one, one]).chosen == 0


def test_a_set_alone_is_chosen_with_overlap_zero() -> None:
    choice = most_agreed([embedded([[1, 2]], centred=False)])
    assert (choice.chosen, choice.overlaps) == (0, (0.0,))


@pytest.mark.parametrize("sets", [[], [[]], [embedded([[1.0]], centred=False), []]])
def test_empty_sets_are_refused(sets: list[list[Vector]]) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        most_agreed(sets)


def test_centring_takes_away_the_direction_all_vectors_share() -> None:
    raw = [[10.0, 1.0], [10.0, -1.0]]
    near, centred = embedded(raw, centred=False), embedded(raw, centred=True)
    assert cosine(*near) > 0.9
    assert cosine(*centred) == pytest.approx(-1.0)
