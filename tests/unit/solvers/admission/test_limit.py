"""Laws of the limit, and what it finds out in front of simulated endpoints."""

import heapq
import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_solvers.admission.limit import Limit

MOST = 64
Step = tuple[str, bool, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["served", "refused", "slowed"]), st.booleans(), st.integers(0, 5), st.integers(0, 80)),
    max_size=200,
)


def take(limit: Limit, step: Step) -> None:
    what, full, age, others = step
    began = max(0, limit.round - age)
    if what == "served":
        limit.served(full=full)
    elif what == "refused":
        limit.refused(began=began, others=others)
    else:
        limit.slowed(began=began)


@given(start=st.integers(1, 100), steps=STEPS)
def test_it_stays_between_one_and_the_most(start: int, steps: list[Step]) -> None:
    limit = Limit(start, MOST)
    for step in steps:
        take(limit, step)

        assert 1 <= limit.now <= MOST


@given(steps=STEPS, others=st.integers(0, 80), age=st.integers(0, 5))
def test_a_refusal_never_raises_it_and_never_takes_more_than_half(steps: list[Step], others: int, age: int) -> None:
    limit = Limit(4, MOST)
    for step in steps:
        take(limit, step)
    before, began = limit.now, max(0, limit.round - age)
    fresh = began == limit.round

    limit.refused(began=began, others=others)

    assert limit.now <= before
    assert not fresh or limit.now >= before // 2


@given(steps=STEPS)
def test_answers_never_lower_it_and_raise_it_by_one_at_most(steps: list[Step]) -> None:
    limit = Limit(4, MOST)
    for step in steps:
        take(limit, step)
    before = limit.now

    limit.served(full=True)

    assert limit.now in {before, before + 1}


def test_calls_that_do_not_fill_it_say_nothing_about_more() -> None:
    limit = Limit(4, MOST)

    for _ in range(1000):
        limit.served(full=False)

    assert limit.now == 4


def test_it_doubles_with_every_round_until_the_first_refusal() -> None:
    limit, seen = Limit(1, MOST), []
    for _ in range(6):
        for _ in range(limit.now):
            limit.served(full=True)
        seen.append(limit.now)

    assert seen == [2, 4, 8, 16, 32, 64]


def test_many_refusals_of_one_round_lead_to_what_goes_on_but_not_below_a_half() -> None:
    limit = Limit(64, MOST)

    for others in range(63, 7, -1):
        limit.refused(began=0, others=others)

    assert (limit.now, limit.round) == (32, 1)


def test_calls_that_slow_down_together_lower_it_once() -> None:
    limit = Limit(50, MOST)

    for _ in range(10):
        limit.slowed(began=0)

    assert limit.now == 45


def test_a_level_that_was_refused_is_tried_ever_less_often() -> None:
    limit, waits = Limit(9, MOST), []
    for _ in range(6):
        limit.refused(began=limit.round, others=8)
        waits.append(0)
        while limit.now == 8:
            limit.served(full=True)
            waits[-1] += 1

    assert waits == [8 * rounds for rounds in (4, 8, 16, 32, 32, 32)]


@dataclass
class Outcome:
    """Of a run: how many calls were sent, how many refused, and how busy the endpoint was."""

    sent: int
    refused: int
    busy: float
    limit: int


def simulated(limit: Limit, cap: int, *, answers: int, seed: int, refusal_takes: float = 0.0) -> Outcome:
    """An endless queue of calls before an endpoint that takes ``cap`` at once; answers take 0.5 to 1.5."""
    chance = random.Random(seed)  # noqa: S311 - a test that repeats
    ends: list[tuple[float, int, bool, int]] = []
    now, busy_time, running, sent, refused = 0.0, 0.0, 0, 0, 0
    while answers:
        while len(ends) < limit.now:
            taken = running < cap
            running += taken
            takes = chance.uniform(0.5, 1.5) if taken else refusal_takes
            sent += 1
            heapq.heappush(ends, (now + takes, sent, taken, limit.round))
        then, _, taken, began = heapq.heappop(ends)
        busy_time += running * (then - now)
        now = then
        if taken:
            limit.served(full=len(ends) + 1 >= limit.now)
            running -= 1
            answers -= 1
        else:
            limit.refused(began=began, others=len(ends))
            refused += 1
    return Outcome(sent, refused, busy_time / (now * cap), limit.now)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("refusal_takes", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("cap", [1, 2, 3, 5, 8, 13, 30, 63])
def test_a_hidden_cap_is_found_with_few_calls_refused(cap: int, refusal_takes: float, seed: int) -> None:
    limit = Limit(4, MOST)

    outcome = simulated(limit, cap, answers=max(500, 60 * cap), seed=seed, refusal_takes=refusal_takes)

    assert outcome.refused <= 0.1 * outcome.sent, outcome
    assert cap * 0.5 <= outcome.limit <= cap + 1, outcome
    assert outcome.busy >= 0.8, outcome


def test_a_cap_that_rises_is_noticed() -> None:
    limit = Limit(4, MOST)
    simulated(limit, 8, answers=2_000, seed=1)

    later = simulated(limit, 40, answers=2_000, seed=2)

    assert later.limit >= 36


def test_a_cap_that_falls_is_noticed() -> None:
    limit = Limit(4, MOST)
    simulated(limit, 40, answers=2_000, seed=1)

    later = simulated(limit, 5, answers=500, seed=2)

    assert later.limit in {5, 6}
    assert later.refused <= 0.2 * later.sent
