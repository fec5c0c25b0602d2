"""Whether the pod wants calls: what its endpoint says, told through the standard health service."""

import asyncio
from collections.abc import Awaitable

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
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import MalformedAnswer
from graftwork_solvers.pools import Pools

log = get_logger(__name__)

_LOOK_SECONDS = 5.0
_FAILURES_UNTIL_DOWN = 2


class Health:
    """Looks at the endpoint's list of models, lets a canary sing, and keeps the health service up to date.

    SERVING while the endpoint answers at all: what it refuses, callers shall hear from itself. An
    endpoint without such a list (404) and one that is full (429) do answer. The pod starts as
    NOT_SERVING, and two failed looks running make it so again.
    """

    def __init__(self, endpoint: Endpoint, pools: Pools, clock: Clock, canary: Canary | None = None) -> None:
        self._endpoint = endpoint
        self._pools = pools
        self._clock = clock
        self._canary = canary
        self._failures = _FAILURES_UNTIL_DOWN
        self._problem: GraftworkError | None = DependencyDown("nobody has looked at the endpoint yet")
        self.servicer = HealthServicer()

    async def ping(self) -> None:
        """Raise what is wrong with the endpoint, if anything is."""
        if self._problem is not None:
            raise self._problem

    async def begin(self, *, looking: bool) -> None:
        """Say NOT_SERVING until the first look; without looks, say SERVING at once."""
        if not looking:
            self._problem, self._failures = None, 0
        await self._tell()

    async def watch(self, every_seconds: float) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(every_seconds)

    async def look(self) -> None:
        """Look once."""
        problem = await self._ask()
        if problem is not None and str(problem) != str(self._problem):
            log.warning("endpoint.problem", problem=str(problem))
        down = isinstance(problem, RetryableError)
        self._failures = self._failures + 1 if down else 0
        await self._tell()
        self._problem = problem

    async def leave(self) -> None:
        """Say NOT_SERVING from now on."""
        await self.servicer.enter_graceful_shutdown()

    async def _ask(self) -> GraftworkError | None:
        problem = await _problem(self._list())
        if problem is None and self._canary is not None:
            problem = await _problem(self._canary.sing())
        return problem

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


async def _problem(look: Awaitable[None]) -> GraftworkError | None:
    try:
        await look
    except GraftworkError as error:
        return error if _matters(error) else None
    return None


def _matters(error: GraftworkError) -> bool:
    silent = isinstance(error, DependencyDown) and not isinstance(error, MalformedAnswer)
    return silent or isinstance(error, KeyRefused)
