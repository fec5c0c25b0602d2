"""Whether the pod wants calls: what its endpoint says, told through the standard health service."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from grpc_health.v1 import health_pb2
from grpc_health.v1._async import HealthServicer

from graftwork.kit.clock import Clock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import RetryableError
from graftwork.kit.logging import get_logger
from graftwork.models.channels import SERVICE
from graftwork_solvers import metrics
from graftwork_solvers.canary import Canary
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.errors import EngineGone
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import MalformedAnswer
from graftwork_solvers.pools import Pools

log = get_logger(__name__)

_LOOK_SECONDS = 5.0
_FAILURES_UNTIL_DOWN = 2


class WatchedEngine(Protocol):
    """An engine of the pod's own."""

    async def look(self) -> None:
        """Raise ``DependencyDown`` where it says that it is not well."""
        ...

    async def progress(self) -> float:
        """A number that changes while it works."""
        ...

    def suspect(self, problem: GraftworkError) -> None:
        """Say that it hangs."""
        ...


class Health:
    """Looks at the endpoint's list of models, lets a canary sing, and keeps the health service up to date.

    SERVING while the endpoint answers at all: what it refuses, callers shall hear from itself. An
    endpoint without such a list (404) and one that is full (429) do answer. The pod starts as
    NOT_SERVING, and two failed looks running make it so again, unless chats are answered meanwhile.

    With an engine of its own the pod is NOT_SERVING whenever that is away, and an engine that is down
    by these looks is under suspicion to hang.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        pools: Pools,
        clock: Clock,
        canary: Canary | None = None,
        engine: WatchedEngine | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._pools = pools
        self._clock = clock
        self._canary = canary
        self._engine = engine
        self._progress = 0.0
        self._failures = _FAILURES_UNTIL_DOWN
        self._problem: GraftworkError | None = DependencyDown("nobody has looked at the endpoint yet")
        self._away: GraftworkError | None = self._problem if engine else None
        self.servicer = HealthServicer()

    async def ping(self) -> None:
        """Raise what is wrong with the endpoint, if anything is."""
        if self._problem is not None:
            raise self._problem

    async def begin(self, *, looking: bool) -> None:
        """Say NOT_SERVING until the first look; without looks, say SERVING at once."""
        if not looking and self._engine is None:
            self._problem, self._failures = None, 0
        await self._tell()

    async def watch(self, every_seconds: float) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(every_seconds)

    async def look(self) -> None:
        """Look once, unless there is no engine to be looked at."""
        if self._away is not None:
            return
        problem = await self._ask()
        busy = await self._moved() and isinstance(problem, RetryableError) and not isinstance(problem, EngineGone)
        if self._away is None:  # else what was seen is of an engine that is no more
            await self._note(None if busy else problem)

    async def engine_is(self, problem: GraftworkError | None) -> None:
        """Hear from the engine's supervisor: what is wrong with it, or None when it serves."""
        self._away = problem
        if problem is not None:
            self._problem, self._failures = problem, _FAILURES_UNTIL_DOWN
            await self._tell()
        else:
            self._failures = 0
            await self.look()

    async def leave(self) -> None:
        """Say NOT_SERVING from now on."""
        await self.servicer.enter_graceful_shutdown()

    async def _note(self, problem: GraftworkError | None) -> None:
        if problem is not None and str(problem) != str(self._problem):
            log.warning("endpoint.problem", problem=str(problem))
        self._failures = self._failures + _weight(problem) if isinstance(problem, RetryableError) else 0
        self._problem = problem
        await self._tell()
        if problem is not None and self._engine is not None and self._failures >= _FAILURES_UNTIL_DOWN:
            self._engine.suspect(problem)

    async def _moved(self) -> bool:
        """Whether anything was written since the last look: who is slow to answer us may be busy with others."""
        before = self._progress
        self._progress = self._endpoint.chats_answered + (await self._engine.progress() if self._engine else 0)
        return self._progress != before

    async def _ask(self) -> GraftworkError | None:
        problem = None if self._engine is None else await _problem(self._engine.look())
        problem = problem or await _problem(self._list())
        if isinstance(problem, KeyRefused):
            problem = await self._tried_elsewhere(problem)
        if problem is None and self._canary is not None:
            problem = await _problem(self._canary.sing())
        return problem

    async def _tried_elsewhere(self, refused: KeyRefused) -> GraftworkError | None:
        """Some endpoints lock their list in another way than their chats: a key that opens chats is good."""
        if self._canary is not None and not self._endpoint.chats_answered:
            return await _problem(self._canary.sing(now=True))
        return None if self._endpoint.chats_answered else refused

    async def _list(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                self._pools.listed(await self._endpoint.models())
        except TimeoutError as error:
            raise DependencyDown(
                f"the endpoint {self._endpoint.url} did not answer within {_LOOK_SECONDS:g} s"
            ) from error

    async def _tell(self) -> None:
        up = self._failures < _FAILURES_UNTIL_DOWN
        metrics.ENDPOINT_UP.set(up)
        status = health_pb2.HealthCheckResponse
        for service in ("", SERVICE):
            await self.servicer.set(service, status.SERVING if up else status.NOT_SERVING)


def _weight(problem: RetryableError) -> int:
    """How many failures a failed look counts for: an engine that is gone needs no second one."""
    return _FAILURES_UNTIL_DOWN if isinstance(problem, EngineGone) else 1


async def _problem(look: Awaitable[None]) -> GraftworkError | None:
    try:
        await look
    except GraftworkError as error:
        return error if _matters(error) else None
    except Exception:  # a mistake of ours about an answer says nothing about the endpoint, and must not end the pod
        log.exception("look.broke")
    return None


def _matters(error: GraftworkError) -> bool:
    silent = isinstance(error, DependencyDown) and not isinstance(error, MalformedAnswer)
    return silent or isinstance(error, KeyRefused)
