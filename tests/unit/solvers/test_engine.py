"""The supervisor's laws, with an engine that lives as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from graftwork.kit.clock import FakeClock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork_solvers.engine import Engine
from graftwork_solvers.engine import Patience
from graftwork_solvers.engine import State
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.errors import EngineGone

PATIENCE = Patience(start_seconds=60, shutdown_seconds=5, restart_seconds=1, longest_restart_seconds=30)


class Life:
    """One life of an engine, that ends when the test says so."""

    def __init__(self) -> None:
        self.last_words = "INFO loading weights"
        self.left = False
        self.asked_to_end_within: float | None = None
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def die(self, how: str) -> None:
        self._end.set_result(how)

    async def hear(self) -> None:
        await asyncio.shield(self._end)

    async def ended(self) -> str:
        return await asyncio.shield(self._end)

    async def stop(self, seconds: float) -> None:
        self.asked_to_end_within = seconds
        self.die("the engine ended with status 0")


class Stage:
    """A supervisor, its clock, the lives it has started and what it has told.

    ``deaths``: how the first lives end, before they answer. ``silent``: those after them never answer.
    """

    def __init__(self, *deaths: str, silent: bool = False, cold: Exception | None = None) -> None:
        self.lives: list[Life] = []
        self.told: list[str] = []
        self.pauses: list[float] = []
        self.doubt: DependencyDown | None = None
        self.tokens = 0
        self.metered = True
        self.engine = Engine(self._launch, self, self._warm, self, PATIENCE)
        self._deaths = deaths
        self._silent = silent
        self._cold = cold
        self._clock = FakeClock()
        self.pausing, self.resume = asyncio.Event(), asyncio.Event()
        self.resume.set()
        self._history: set[tuple[State, int]] = set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def _launch(self) -> AsyncIterator[Life]:
        life = Life()
        if len(self.lives) < len(self._deaths):
            life.die(self._deaths[len(self.lives)])
        self.lives.append(life)
        try:
            yield life
        finally:
            life.left = True

    async def _warm(self) -> None:
        if self._cold is not None:
            raise self._cold

    async def check(self) -> None:
        if self.doubt is not None:
            raise self.doubt
        if self._silent or len(self.lives) <= len(self._deaths):
            raise DependencyDown("nobody listens")

    async def load(self) -> EngineLoad:
        if not self.metered:
            raise DependencyDown("no meters")
        return EngineLoad(tokens=self.tokens)

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        if self.engine.state is State.RESTARTING:
            self.pauses.append(seconds)
            self.pausing.set()
            await self.resume.wait()
        await self._clock.sleep(seconds)

    async def hears(self, problem: GraftworkError | None) -> None:
        self.told.append(f"{self.engine.state}: {problem or 'well'}")
        starting = self.engine.state is State.STARTING
        self._history.add((self.engine.state, len(self.lives) + starting))
        self._changed.set()

    async def serving(self, life: int = 1) -> Life:
        """Wait until the so-manieth life serves."""
        await self.until(State.SERVING, lives=life)
        return self.lives[life - 1]

    async def until(self, state: State, *, lives: int = 1) -> None:
        """Wait until the so-manieth life has told that it is in that state."""
        while (state, lives) not in self._history:
            self._changed.clear()
            await self._changed.wait()

    def serve_for(self, seconds: float) -> None:
        self._clock.advance(seconds)


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[Stage]:
    run = asyncio.ensure_future(stage.engine.run(stage.hears))
    yield stage
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_it_starts_warms_and_serves() -> None:
    async with running(Stage()) as stage:
        await stage.serving()
        stage.engine.check()

    assert stage.told == ["starting: the engine is starting", "warming: the engine is warming up", "serving: well"]


async def test_until_it_serves_calls_are_told_why_not_and_when_to_come_back() -> None:
    stage = Stage(silent=True)
    with pytest.raises(DependencyDown, match="not been started yet"):
        stage.engine.check()

    async with running(stage):
        await stage.until(State.STARTING)
        with pytest.raises(DependencyDown, match="is starting") as told:
            stage.engine.check()

    assert told.value.retry_after_seconds == 5


async def test_when_it_dies_that_is_told_with_the_reason_and_it_is_started_again() -> None:
    async with running(Stage()) as stage:
        first = await stage.serving()
        first.die("the engine ended with SIGKILL")
        await stage.serving(2)

    assert first.left
    assert stage.told[3].startswith("restarting: the engine ended with SIGKILL; it is started again in 1 s, after 1 ")
    assert stage.told[4:] == [
        "starting: the engine is starting; before this, the engine ended with SIGKILL",
        "warming: the engine is warming up; before this, the engine ended with SIGKILL",
        "serving: well",
    ]


async def test_one_that_fails_again_and_again_is_tried_after_ever_longer_pauses() -> None:
    async with running(Stage(*["the engine ended with status 1: OSError: no such model"] * 8)) as stage:
        await stage.serving(9)

    windows = [1, 2, 4, 8, 16, 30, 30, 30]
    assert len(stage.pauses) == len(windows)
    assert all(window / 2 <= pause <= window for pause, window in zip(stage.pauses, windows, strict=True))
    assert "OSError: no such model; it is started again" in stage.told[-4]


async def test_a_long_good_life_is_forgiven_all_failures_before_it() -> None:
    async with running(Stage(*["early"] * 4)) as stage:
        fifth = await stage.serving(5)
        stage.serve_for(30)
        fifth.die("late")
        await stage.serving(6)

    assert stage.pauses[-1] <= 1


async def test_a_short_life_is_one_failure_more() -> None:
    async with running(Stage(*["early"] * 4)) as stage:
        fifth = await stage.serving(5)
        stage.serve_for(29)
        fifth.die("late")
        await stage.serving(6)

    assert stage.pauses[-1] >= 8


async def test_one_that_takes_too_long_to_start_is_started_anew_and_its_last_words_are_told() -> None:
    async with running(Stage(silent=True)) as stage:
        await stage.until(State.STARTING, lives=2)

    assert stage.lives[0].left
    assert "the engine was not ready within 60 s: INFO loading weights" in stage.told[1]


async def test_one_that_answers_and_writes_nothing_is_started_anew() -> None:
    async with running(Stage(cold=DependencyDown("500"))) as stage:
        await stage.until(State.STARTING, lives=2)

    assert "the engine did not write its first answer: 500" in stage.told[2]


async def test_one_that_hangs_is_killed_and_started_again() -> None:
    async with running(Stage()) as stage:
        first = await stage.serving()
        for _ in range(2):
            stage.engine.suspect(DependencyDown("two tokens did not come"))
        await stage.serving(2)

    assert first.left
    assert stage.told[3] == "restarting: the engine hangs: two tokens did not come"
    assert stage.told[4].startswith("restarting: the engine hangs: two tokens did not come; it is started again in ")


@pytest.mark.parametrize(("doubt", "lives"), [(EngineGone("503"), 2), (DependencyDown("it is slow"), 1), (None, 1)])
async def test_one_that_somebody_doubts_is_given_up_only_if_it_is_gone(
    doubt: DependencyDown | None, lives: int
) -> None:
    async with running(Stage()) as stage:
        await stage.serving()
        stage.doubt = doubt
        await stage.engine.verify()
        stage.doubt = None
        await stage.serving(lives)

    assert len(stage.lives) == lives


async def test_a_suspicion_against_a_life_that_is_over_does_not_touch_the_next() -> None:
    async with running(Stage()) as stage:
        first = await stage.serving()
        stage.resume.clear()
        first.die("dead")
        await stage.pausing.wait()
        stage.engine.suspect(DependencyDown("it did not answer"))
        stage.resume.set()
        await stage.serving(2)

    assert len(stage.lives) == 2


async def test_one_that_is_stopped_is_asked_to_end_and_not_started_again() -> None:
    stage = Stage()
    run = asyncio.ensure_future(stage.engine.run(stage.hears))
    life = await stage.serving()

    await stage.engine.stop()
    await run

    assert (life.asked_to_end_within, len(stage.lives)) == (5, 1)
    assert stage.told[-1] == "stopping: the pod is going away"


async def test_its_progress_is_what_it_told_last() -> None:
    stage = Stage()
    seen = [await stage.engine.progress()]
    stage.tokens = 12
    seen.append(await stage.engine.progress())
    stage.metered = False
    seen.append(await stage.engine.progress())

    assert seen == [0, 12, 12]
