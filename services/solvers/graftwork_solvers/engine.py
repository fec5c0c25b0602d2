"""The engine's supervisor: starts it, warms it, tells how it is, and starts it again whenever it died or hangs."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NoReturn
from typing import Protocol

from graftwork.kit.backoff import backoff_seconds
from graftwork.kit.clock import Clock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import RetryableError
from graftwork.kit.logging import get_logger
from graftwork_solvers import metrics
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.errors import EngineGone

log = get_logger(__name__)

_POLL_SECONDS = 0.5
_COME_BACK_SECONDS = 5.0
_NOT_STARTED = DependencyDown("the engine has not been started yet")


class State(StrEnum):
    """Of an engine. Only a serving one gets calls."""

    STARTING = "starting"
    WARMING = "warming"
    SERVING = "serving"
    RESTARTING = "restarting"
    STOPPING = "stopping"


class Family(Protocol):
    """The processes of one life of an engine."""

    @property
    def last_words(self) -> str:
        """What it complained of last."""
        ...

    async def hear(self) -> None:
        """Listen until it falls silent."""
        ...

    async def ended(self) -> str:
        """Wait for its end, and tell how it came."""
        ...

    async def stop(self, seconds: float) -> None:
        """Ask it to end and wait so long."""
        ...


class Door(Protocol):
    """Where the engine answers. Everything raises ``DependencyDown`` where it does not."""

    async def check(self) -> None:
        """Raise unless it is well; ``EngineGone`` where there is no doubt about it."""
        ...

    async def load(self) -> EngineLoad:
        """How busy it is."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long an engine may take, and how soon it is started again."""

    start_seconds: float
    shutdown_seconds: float
    restart_seconds: float
    longest_restart_seconds: float


class Engine:
    """Runs lives of an engine, one after the other.

    ``launch`` starts one, and leaves nothing of it when its block is left. ``warm`` is given an engine
    that answers, and makes it fast: the first structured answer compiles for as much as half a minute.
    """

    def __init__(
        self,
        launch: Callable[[], AbstractAsyncContextManager[Family]],
        door: Door,
        warm: Callable[[], Awaitable[None]],
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._launch = launch
        self._door = door
        self._warm = warm
        self._clock = clock
        self._patience = patience
        self._problem: DependencyDown | None = _NOT_STARTED
        self._told: Callable[[GraftworkError | None], Awaitable[None]] = _nobody
        self._family: Family | None = None
        self._ended = ""
        self._tokens = 0
        self._suspicion: asyncio.Future[NoReturn] | None = None
        self._serving_since: datetime | None = None
        self._leaving = False
        self.state = State.STARTING

    def check(self) -> None:
        """Raise ``DependencyDown`` in the engine's own words, with when to come back, unless it is serving."""
        if self._problem is not None:
            raise DependencyDown(str(self._problem), retry_after_seconds=self._problem.retry_after_seconds)

    async def look(self) -> None:
        """Raise ``DependencyDown`` where it says itself that it is not well."""
        await self._door.check()

    async def progress(self) -> float:
        """Tokens read and written so far, as far as known."""
        with suppress(DependencyDown):
            self._tokens = (await self._door.load()).tokens
        return self._tokens

    async def verify(self) -> None:
        """Look whether it is still there, as somebody has reason to doubt; the process may end a while later."""
        try:
            await self._door.check()
        except EngineGone as gone:
            self._give_up(gone)
        except DependencyDown:
            return  # it may only be busy: whether it hangs is told by those who look more than once

    def suspect(self, problem: GraftworkError) -> None:
        """Say that it hangs: it is killed and started again."""
        self._give_up(problem if isinstance(problem, EngineGone) else EngineGone(f"the engine hangs: {problem}"))

    def _give_up(self, gone: EngineGone) -> None:
        if self._suspicion is not None and not self._suspicion.done():
            self._suspicion.set_exception(gone)

    async def run(self, told: Callable[[GraftworkError | None], Awaitable[None]]) -> None:
        """Run it until ``stop``. ``told`` hears of every change: what is wrong, or None when it serves."""
        self._told = told
        failures = 0
        while not self._leaving:
            ended = await self._one_life()
            failures = 1 if self._served_long() else failures + 1
            if not self._leaving:
                await self._pause(ended, failures)

    async def stop(self) -> None:
        """Ask it to end, bounded; what is left of it dies with ``run``."""
        await self._become(State.STOPPING, DependencyDown("the pod is going away"))
        self._leaving = True
        if self._family is not None:
            await self._family.stop(self._patience.shutdown_seconds)

    async def _one_life(self) -> EngineGone:
        self._serving_since = None
        await self._become(State.STARTING, self._away("the engine is starting"))
        ends: list[EngineGone] = []
        try:
            await self._live()
        except* EngineGone as gone:
            ends = _leaves(gone)
        self._family = None
        _stay_cancelled()
        return ends[-1]

    async def _live(self) -> None:
        async with self._launch() as family, asyncio.TaskGroup() as group:
            self._family = family
            group.create_task(family.hear())
            group.create_task(_until_death(family))
            await self._until_warm(family)
            self._suspicion = asyncio.get_running_loop().create_future()
            self._serving_since = self._clock.now()
            self._ended = ""
            await self._become(State.SERVING, None)
            try:
                await self._suspicion
            except EngineGone as gone:
                # Killing it may take a while, in which no call shall come.
                await self._become(State.RESTARTING, self._away(str(gone)))
                raise

    async def _until_warm(self, family: Family) -> None:
        """Raises ``EngineGone`` where that takes longer than ``start_seconds``."""
        began = self._clock.now()
        problem = await self._tried(self._door.check)
        while problem is not None:
            self._in_time(began, family, problem)
            await self._clock.sleep(_POLL_SECONDS)
            problem = await self._tried(self._door.check)
        await self._become(State.WARMING, self._away("the engine is warming up"))
        try:
            async with asyncio.timeout(self._patience.start_seconds):
                await self._warm()
        except TimeoutError:
            raise EngineGone(f"the engine wrote nothing in {self._patience.start_seconds:g} s") from None
        except RetryableError as error:
            raise EngineGone(f"the engine did not write its first answer: {error}") from error

    def _in_time(self, began: datetime, family: Family, problem: DependencyDown) -> None:
        waited = (self._clock.now() - began).total_seconds()
        if waited >= self._patience.start_seconds:
            said = family.last_words or str(problem)
            raise EngineGone(f"the engine was not ready within {self._patience.start_seconds:g} s: {said}")

    async def _tried(self, ask: Callable[[], Awaitable[None]]) -> DependencyDown | None:
        try:
            await ask()
        except DependencyDown as error:
            return error
        return None

    def _served_long(self) -> bool:
        """Whether the life that has ended was a good one, so that its end is the first failure of a new row."""
        if self._serving_since is None:
            return False
        served = (self._clock.now() - self._serving_since).total_seconds()
        return served >= self._patience.longest_restart_seconds

    async def _pause(self, ended: EngineGone, failures: int) -> None:
        pause = backoff_seconds(
            failures,
            base_seconds=self._patience.restart_seconds,
            cap_seconds=self._patience.longest_restart_seconds,
        )
        self._ended = str(ended)
        metrics.ENGINE_RESTARTS.inc()
        log.error("engine.gone", problem=str(ended), in_a_row=failures, restart_in_seconds=round(pause, 1))
        problem = f"{ended}; it is started again in {pause:.0f} s, after {failures} failures in a row"
        await self._become(State.RESTARTING, DependencyDown(problem, retry_after_seconds=pause))
        await self._clock.sleep(pause)

    def _away(self, what: str) -> DependencyDown:
        """What is wrong with an engine that is on its way; the reason why the one before ended is worth repeating."""
        said = f"{what}; before this, {self._ended}" if self._ended else what
        return DependencyDown(said, retry_after_seconds=_COME_BACK_SECONDS)

    async def _become(self, state: State, problem: DependencyDown | None) -> None:
        if self._leaving:
            return
        if state is not self.state or self._problem is _NOT_STARTED:
            log.info("engine.state", state=state.value)
        self.state, self._problem = state, problem
        for one in State:
            metrics.ENGINE_STATE.labels(one.value).set(one is state)
        await self._told(problem)


async def _nobody(_problem: GraftworkError | None) -> None:
    """Nobody listens before ``run``."""


async def _until_death(family: Family) -> NoReturn:
    raise EngineGone(await family.ended())


def _stay_cancelled() -> None:
    """Python 3.11 forgets a cancellation that strikes while a group of tasks is failing."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _leaves(group: BaseExceptionGroup[EngineGone]) -> list[EngineGone]:
    """The errors of a group, the oldest first, whatever groups they came in."""
    found: list[EngineGone] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found
