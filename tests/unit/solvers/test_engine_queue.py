"""What the limit finds out in front of a simulated engine, which queues and never refuses."""

import heapq
import random
from collections import deque
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork_solvers.engine_load import Backlog
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.engine_load import tolerated
from graftwork_solvers.limit import Limit

MOST = 64
LOOK_SECONDS = 1.0


@dataclass
class Outcome:
    """Of a run: calls that waited inside on average, how busy the engine was, and the limits of its last third."""

    waiting: float
    busy: float
    lowest: int
    highest: int


class Simulation:
    """An endless queue of calls before an engine that works at ``room`` of them; answers take 0.5 to 1.5 ``usual``."""

    def __init__(self, room: int, usual: float, *, seed: int, limit: Limit) -> None:
        self._room, self._usual, self._limit = room, usual, limit
        self._chance = random.Random(seed)  # noqa: S311 - a test that repeats
        self._backlog = Backlog()
        self._ends: list[float] = []
        self._waiting: deque[None] = deque()
        self._now = self._waited = self._worked = 0.0

    def run(self, answers: int) -> Outcome:
        seen: list[int] = []
        next_look = LOOK_SECONDS
        while len(seen) < answers:
            self._fill()
            self._pass(min(self._ends[0], next_look))
            if self._now == next_look:
                next_look += LOOK_SECONDS
                self._look()
            else:
                inside = len(self._ends) + len(self._waiting)
                heapq.heappop(self._ends)
                self._limit.served(full=inside >= self._limit.now)
                seen.append(self._limit.now)
        last = seen[-answers // 3 :]
        capacity = self._now * min(self._room, MOST)
        return Outcome(self._waited / self._now, self._worked / capacity, min(last), max(last))

    def _fill(self) -> None:
        while len(self._ends) + len(self._waiting) < self._limit.now:
            self._waiting.append(None)
        while self._waiting and len(self._ends) < self._room:
            self._waiting.popleft()
            heapq.heappush(self._ends, self._now + self._usual * self._chance.uniform(0.5, 1.5))

    def _pass(self, then: float) -> None:
        self._waited += len(self._waiting) * (then - self._now)
        self._worked += len(self._ends) * (then - self._now)
        self._now = then

    def _look(self) -> None:
        load = EngineLoad(running=len(self._ends), waiting=len(self._waiting))
        if self._backlog.is_long(load):
            inside = load.running + load.waiting
            self._limit.queued(inside=inside, room=load.running + tolerated(load.running))


def simulated(room: int, usual: float, *, seed: int, limit: Limit | None = None) -> Outcome:
    answers = max(600, 80 * room, round(60 * room / usual))
    return Simulation(room, usual, seed=seed, limit=limit or Limit(4, MOST)).run(answers)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("usual", [1.0, 5.0, 60.0])
@pytest.mark.parametrize("room", [1, 2, 5, 8, 13, 30, 50])
def test_the_room_inside_is_found_and_kept_full_while_few_wait(room: int, usual: float, seed: int) -> None:
    outcome = simulated(room, usual, seed=seed)

    assert room <= outcome.lowest, outcome
    assert outcome.highest <= room + tolerated(room) + 2, outcome
    assert outcome.waiting <= tolerated(room) + 2, outcome
    assert outcome.busy >= 0.94, outcome


@pytest.mark.parametrize("room", [1, 8, 30])
def test_answers_quicker_than_the_looks_make_it_less_exact_and_no_less_busy(room: int) -> None:
    outcome = simulated(room, 0.1, seed=1)

    assert outcome.waiting <= 10, outcome
    assert outcome.busy >= 0.98, outcome


def test_an_engine_with_more_room_than_the_pod_may_use_is_left_alone() -> None:
    outcome = simulated(200, 5.0, seed=1)

    assert (outcome.lowest, outcome.waiting) == (MOST, 0)


def test_room_that_shrinks_with_longer_prompts_is_noticed_and_so_is_its_return() -> None:
    limit = Limit(4, MOST)
    simulated(40, 1.0, seed=1, limit=limit)

    shrunk = simulated(10, 1.0, seed=2, limit=limit)
    grown = simulated(40, 1.0, seed=3, limit=limit)

    assert shrunk.highest <= 10 + tolerated(10) + 2
    assert grown.highest >= 36


@given(inside=st.integers(0, 80), room=st.integers(0, 80))
def test_while_fewer_or_more_are_inside_than_may_be_a_queue_says_nothing(inside: int, room: int) -> None:
    limit = Limit(16, MOST)

    limit.queued(inside=inside, room=room)

    assert limit.now == 16 or (inside == 16 and 8 <= limit.now < 16)
