import pytest

from graftwork_solvers.admission.pace import Pace


def slowed(pace: Pace, seconds: float, tokens: int, answers: int) -> list[bool]:
    return [pace.slowed(seconds, tokens) for _ in range(answers)]


def test_the_same_pace_is_never_slow() -> None:
    assert not any(slowed(Pace(), 2.0, 100, 1_000))


def test_long_answers_are_not_slow_ones() -> None:
    pace = Pace()
    slowed(pace, 1.0, 68, 100)

    assert not any(slowed(pace, 10.0, 968, 100))


def test_a_sudden_change_is_told_at_the_end_of_its_window_until_it_is_usual() -> None:
    pace = Pace()
    slowed(pace, 1.0, 100, 100)

    later = slowed(pace, 3.0, 100, 400)

    assert later[:20] == [False] * 19 + [True]
    assert sum(later) == 3
    assert not any(later[60:])


def test_a_change_by_little_steps_is_taken_as_it_comes() -> None:
    pace, told = Pace(), []
    for step in range(100):
        told += slowed(pace, 1.0 + step / 25, 100, 20)

    assert not any(told)


@pytest.mark.parametrize(("seconds", "tokens"), [(0.0, 0), (1e-9, 0), (1e9, 0), (1.0, 10**9)])
def test_strange_answers_do_no_harm(seconds: float, tokens: int) -> None:
    pace = Pace()
    slowed(pace, seconds, tokens, 100)

    assert slowed(pace, seconds, tokens, 20) == [False] * 20
