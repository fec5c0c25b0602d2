"""Looks at an engine of the pod's own: one that is busy is left alone, one that hangs is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from typing import NoReturn

import pytest
from grpc_health.v1 import health_pb2

from graftwork.kit.clock import FakeClock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.models.channels import SERVICE
from graftwork_solvers.canary import Canary
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.errors import EngineGone
from graftwork_solvers.health import Health
from graftwork_solvers.pools import Pools
from tests.support.endpoints import running_endpoint
from tests.support.pods import pod_settings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def silent(_body: dict[str, Any]) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("it never comes to an end")


class FakeEngine:
    """An engine as its supervisor shows it to the pod's health."""

    def __init__(self, *, tokens_a_look: int) -> None:
        self._tokens_a_look = tokens_a_look
        self._tokens = 0
        self.problem: DependencyDown | None = None
        self.suspicions: list[str] = []

    async def look(self) -> None:
        if self.problem is not None:
            raise self.problem

    async def progress(self) -> float:
        self._tokens += self._tokens_a_look
        return self._tokens

    def suspect(self, problem: GraftworkError) -> None:
        self.suspicions.append(str(problem))


class Looks:
    """A pod's health, looked at by hand whenever the canary is due."""

    def __init__(self, health: Health, clock: FakeClock) -> None:
        self.health = health
        self._clock = clock

    async def status(self) -> int:
        self._clock.advance(60)
        await self.health.look()
        return await self.told()

    async def told(self) -> int:
        answer = await self.health.servicer.Check(health_pb2.HealthCheckRequest(service=SERVICE), None)
        status: int = answer.status
        return status


@asynccontextmanager
async def looks_at(engine: FakeEngine) -> AsyncIterator[Looks]:
    """An engine that lists its models and answers no chat."""
    async with running_endpoint(silent) as scripted:
        settings, clock = pod_settings(scripted.url), FakeClock()
        endpoint = open_endpoint(settings)
        pools = Pools(settings.pools, endpoint)
        canary = Canary(endpoint, pools, clock, pool="generator", every_seconds=60, longest_seconds=0.05)
        yield Looks(Health(endpoint, pools, clock, canary, engine), clock)
        await endpoint.close()


async def test_nothing_is_looked_at_before_the_engine_serves() -> None:
    engine = FakeEngine(tokens_a_look=0)
    async with looks_at(engine) as looks:
        await looks.health.begin(looking=True)
        before = [await looks.status() for _ in range(3)]
        await looks.health.engine_is(None)
        after = await looks.told()

    assert (before, after, engine.suspicions) == ([NOT_SERVING] * 3, SERVING, [])


async def test_one_that_writes_for_others_is_only_busy() -> None:
    engine = FakeEngine(tokens_a_look=7)
    async with looks_at(engine) as looks:
        await looks.health.engine_is(None)
        seen = [await looks.status() for _ in range(4)]
        await looks.health.ping()

    assert (seen, engine.suspicions) == ([SERVING] * 4, [])


async def test_one_that_writes_for_nobody_is_suspected_after_two_silent_tokens() -> None:
    engine = FakeEngine(tokens_a_look=0)
    async with looks_at(engine) as looks:
        await looks.health.engine_is(None)
        seen = [await looks.status(), await looks.status()]

    assert seen == [SERVING, NOT_SERVING]
    assert len(engine.suspicions) == 1
    assert "wrote no token" in engine.suspicions[0]


@pytest.mark.parametrize(
    ("problem", "seen"),
    [(DependencyDown("slow"), [SERVING, NOT_SERVING]), (EngineGone("503"), [NOT_SERVING, NOT_SERVING])],
)
async def test_one_that_is_slow_gets_a_second_look_and_one_that_is_gone_does_not(
    problem: DependencyDown, seen: list[int]
) -> None:
    engine = FakeEngine(tokens_a_look=0)
    async with looks_at(engine) as looks:
        await looks.health.engine_is(None)
        engine.problem = problem
        told = [await looks.status(), await looks.status()]

    assert told == seen
    assert set(engine.suspicions) == {str(problem)}


async def test_one_that_is_gone_is_not_busy_whatever_it_wrote_before() -> None:
    engine = FakeEngine(tokens_a_look=7)
    async with looks_at(engine) as looks:
        await looks.health.engine_is(None)
        engine.problem = EngineGone("503")
        told = await looks.status()

    assert (told, engine.suspicions) == (NOT_SERVING, ["503"])


async def test_when_it_goes_away_the_pod_is_out_at_once_and_a_look_on_its_way_changes_nothing() -> None:
    engine = FakeEngine(tokens_a_look=0)
    async with looks_at(engine) as looks:
        await looks.health.engine_is(None)
        look = asyncio.ensure_future(looks.status())
        await asyncio.sleep(0)
        await looks.health.engine_is(DependencyDown("the engine ended"))
        at_once = await looks.told()
        later = await look

    assert (at_once, later) == (NOT_SERVING, NOT_SERVING)


async def test_without_looks_an_engine_decides_alone() -> None:
    async with looks_at(FakeEngine(tokens_a_look=0)) as looks:
        await looks.health.begin(looking=False)
        before = await looks.told()
        await looks.health.engine_is(None)
        after = await looks.told()

    assert (before, after) == (NOT_SERVING, SERVING)
