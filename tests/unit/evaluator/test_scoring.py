"""From judgements to a score and to suggestions."""

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.workflows import Judgement
from graftwork.contracts.workflows import Metric
from graftwork.contracts.workflows import SampleRow
from graftwork_evaluator import scoring
from graftwork_evaluator.errors import NothingToJudge
from graftwork_evaluator.errors import TooFewScored

CLEAR = Metric(name="Clear", definition="d", positive_exemplar="p", negative_exemplar="n")
TRUE = Metric(name="True", definition="d", positive_exemplar="p", negative_exemplar="n")
METRICS = (CLEAR, TRUE)


def good(index: int) -> SampleRow:
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed={}, output={"text": "x"})


def failed(index: int, reason: str = "crashed", detail: str | None = "KeyError: 'topic'") -> SampleRow:
    return SampleRow(sample_id=f"s{index}", seed_index=index, seed={}, reason=reason, detail=detail)


def judged(clear: int, true: int, why: str = "because") -> dict[str, Judgement]:
    return {
        "Clear": Judgement(score=clear, justification=f"{why} clear"),
        "True": Judgement(score=true, justification=f"{why} true"),
    }


def test_the_score_is_the_mean_over_samples_and_metrics() -> None:
    matrix = scoring.matrix([good(0), good(1)], {"s0": judged(5, 4), "s1": judged(2, 1)}, METRICS)
    assert scoring.mean_score(matrix) == 3.0


def test_a_failed_candidate_counts_the_minimum_on_every_metric() -> None:
    matrix = scoring.matrix([good(0), failed(1)], {"s0": judged(5, 5)}, METRICS)
    assert scoring.mean_score(matrix) == 3.0
    assert [row.failed for row in matrix] == [False, True]
    assert {j.score for j in matrix[1].judgements.values()} == {1}
    assert matrix[1].judgements["True"].justification == "crashed: KeyError: 'topic'"


def test_the_matrix_keeps_exact_scores_in_the_order_of_the_candidates() -> None:
    matrix = scoring.matrix([good(3), good(1)], {"s1": judged(1, 2), "s3": judged(4, 5)}, METRICS)
    assert [(row.seed_index, [j.score for j in row.judgements.values()]) for row in matrix] == [
        (3, [4, 5]),
        (1, [1, 2]),
    ]


def test_a_sample_that_could_not_be_scored_stays_out_of_the_mean() -> None:
    matrix = scoring.matrix([good(0), good(1)], {"s0": judged(4, 4), "s1": None}, METRICS)
    assert scoring.mean_score(matrix) == 4.0
    assert dict(matrix[1].judgements) == {}
    assert not matrix[1].failed


def test_more_than_half_unscored_is_a_failure_that_says_so() -> None:
    with pytest.raises(TooFewScored, match="2 of 3 samples could not be scored"):
        scoring.matrix([good(0), good(1), good(2)], {"s0": judged(4, 4), "s1": None, "s2": None}, METRICS)


def test_failed_candidates_do_not_excuse_a_judge_that_fails() -> None:
    rows = [good(0), failed(1), failed(2), failed(3)]
    with pytest.raises(TooFewScored, match="1 of 1"):
        scoring.matrix(rows, {"s0": None}, METRICS)


def test_nothing_at_all_to_judge_is_a_failure() -> None:
    with pytest.raises(NothingToJudge):
        scoring.mean_score([])


def test_the_mean_of_each_scored_sample_is_told_in_the_order_of_the_seeds() -> None:
    rows = [good(2), failed(1), good(0), good(3)]
    matrix = scoring.matrix(rows, {"s2": judged(5, 4), "s0": judged(2, 1), "s3": None}, METRICS)
    assert scoring.sample_means(matrix) == (1.5, 1.0, 4.5)
    assert fmean(scoring.sample_means(matrix)) == pytest.approx(scoring.mean_score(matrix))


def test_the_means_of_a_large_batch_are_cut() -> None:
    rows = [failed(index) for index in range(250)]
    assert len(scoring.sample_means(scoring.matrix(rows, {}, METRICS))) == 200


def test_suggestions_are_the_lowest_scores_first_and_name_their_metric() -> None:
    matrix = scoring.matrix([good(0), good(1)], {"s0": judged(5, 3, "a"), "s1": judged(4, 1, "b")}, METRICS)
    assert scoring.suggestions(matrix) == ("True (1/5): b true", "True (3/5): a true", "Clear (4/5): b clear")


def test_a_justification_told_twice_is_suggested_once() -> None:
    matrix = scoring.matrix([good(0), good(1)], {"s0": judged(2, 5, "Same "), "s1": judged(2, 5, "same")}, METRICS)
    assert scoring.suggestions(matrix) == ("Clear (2/5): Same  clear",)


def test_one_metric_gives_at_most_two_suggestions() -> None:
    rows = [good(i) for i in range(5)]
    matrix = scoring.matrix(rows, {f"s{i}": judged(1, 4, f"reason {i}") for i in range(5)}, METRICS)
    assert [s.split(" (")[0] for s in scoring.suggestions(matrix)] == ["Clear", "Clear", "True", "True"]


def test_why_candidates_failed_comes_first_and_once() -> None:
    rows = [failed(0), failed(1), good(2)]
    matrix = scoring.matrix(rows, {"s2": judged(5, 4)}, METRICS)
    assert scoring.suggestions(matrix)[0] == "no sample (2x): crashed: KeyError: 'topic'"


def test_a_perfect_batch_suggests_nothing() -> None:
    assert scoring.suggestions(scoring.matrix([good(0)], {"s0": judged(5, 5)}, METRICS)) == ()


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.text(max_size=2_000)), min_size=1, max_size=30))
def test_suggestions_are_bounded(cells: list[tuple[int, int, str]]) -> None:
    rows = [good(i) for i in range(len(cells))]
    matrix = scoring.matrix(rows, {f"s{i}": judged(a, b, why) for i, (a, b, why) in enumerate(cells)}, METRICS)
    told = scoring.suggestions(matrix)
    assert len(told) <= scoring.MAX_SUGGESTIONS
    assert all(len(one) <= scoring.MAX_SUGGESTION_CHARS for one in told)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=20))
def test_the_score_stays_on_the_scale(cells: list[tuple[int, int]]) -> None:
    rows = [good(i) for i in range(len(cells))]
    matrix = scoring.matrix(rows, {f"s{i}": judged(a, b) for i, (a, b) in enumerate(cells)}, METRICS)
    assert 1.0 <= scoring.mean_score(matrix) <= 5.0


@pytest.mark.parametrize("limit", [40, 100])
def test_bounded_text_says_that_something_is_missing(limit: int) -> None:
    shown = scoring.bounded("x" * 500, limit)
    assert len(shown) <= limit
    assert "more]" in shown
    assert scoring.bounded("short", limit) == "short"
