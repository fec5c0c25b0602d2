"""Which metrics are dropped for what their own exemplars score."""

import pytest

from graftwork.contracts.workflows import Metric
from graftwork_evaluator.calibration import Marks
from graftwork_evaluator.calibration import calibrated


def metric(name: str) -> Metric:
    return Metric(name=name, definition="d", positive_exemplar="p", negative_exemplar="n")


def outcome(**marks: tuple[int | None, int | None]) -> tuple[list[str], dict[str, str]]:
    found = calibrated([metric(name) for name in marks], {name: Marks(*pair) for name, pair in marks.items()})
    return [one.name for one in found.kept], dict(found.dropped)


def test_a_metric_passes_from_four_up_and_two_down() -> None:
    assert outcome(a=(4, 2), b=(5, 1)) == (["a", "b"], {})


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ((3, 1), "its positive exemplar scored 3, below 4"),
        ((5, 3), "its negative exemplar scored 3, above 2"),
        ((1, 5), "its positive exemplar scored 1, below 4; its negative exemplar scored 5, above 2"),
        ((3, None), "its positive exemplar scored 3, below 4"),
    ],
)
def test_a_metric_that_fails_its_own_exemplars_is_dropped_and_it_is_said_why(
    marks: tuple[int | None, int | None], why: str
) -> None:
    assert outcome(sound=(5, 1), unsound=marks) == (["sound"], {"unsound": why})


@pytest.mark.parametrize("marks", [(None, None), (4, None), (None, 2)])
def test_what_was_not_scored_is_not_held_against_a_metric(marks: tuple[int | None, int | None]) -> None:
    assert outcome(sound=(5, 1), own=marks) == (["sound", "own"], {})


def test_where_none_passes_the_nearest_half_is_kept_and_said_so() -> None:
    kept, dropped = outcome(far=(1, 5), near=(3, 2), nearer=(5, 3))
    assert kept == ["near", "nearer"]
    assert set(dropped) == {"far"}
    assert dropped["far"].endswith("; no metric passed, and the half that came nearest was kept")


def test_of_equals_the_earlier_is_kept_and_the_last_one_is_never_dropped() -> None:
    assert outcome(a=(3, 3), b=(3, 3))[0] == ["a"]
    assert outcome(only=(1, 5)) == (["only"], {})
