"""An engine that lists its models and writes nothing is told by a canary, and only then is a token paid for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from typing import NoReturn

import httpx
import pytest
from aiohttp import web
from grpc_health.v1 import health_pb2
from prometheus_client import REGISTRY
from typing_extensions import override

from graftwork.kit.clock import FakeClock
from graftwork.kit.errors import DependencyDown
from graftwork.models.channels import SERVICE
from graftwork_solvers.endpoint.client import Endpoint
from graftwork_solvers.endpoint.client import open_endpoint
from graftwork_solvers.health.canary import Canary
from graftwork_solvers.health.looks import Health
from graftwork_solvers.pools import Pools
from tests.support.endpoints import Answer
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.endpoints import says_hello
from tests.support.eventually import assert_eventually
from tests.support.pods import pod_settings

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
EVERY_SECONDS = 60.0


async def wedged(_body: dict[str, Any]) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("it never comes to an end")


class Looks:
    """A pod's health, looked at by hand whenever ``EVERY_SECONDS`` are over."""

    def __init__(self, scripted: ScriptedEndpoint, endpoint: Endpoint, longest_seconds: float) -> None:
        self.scripted = scripted
        self.endpoint = endpoint
        self._clock = FakeClock()
        pools = Pools(pod_settings(scripted.url).pools, endpoint)
        canary = Canary(
            endpoint,
            pools,
            self._clock,
            pool="generator",
            every_seconds=EVERY_SECONDS,
            longest_seconds=longest_seconds,
        )
        self.health = Health(endpoint, pools, self._clock, canary)

    async def status(self, after_seconds: float = EVERY_SECONDS) -> int:
        self._clock.advance(after_seconds)
        await self.health.look()
        answer = await self.health.servicer.Check(health_pb2.HealthCheckRequest(service=SERVICE), None)
        status: int = answer.status
        return status


@asynccontextmanager
async def looks_at(chat: Answer, *, longest_seconds: float = 30.0) -> AsyncIterator[Looks]:
    async with running_endpoint(chat) as scripted:
        endpoint = open_endpoint(pod_settings(scripted.url))
        yield Looks(scripted, endpoint, longest_seconds)
        await endpoint.close()


async def test_a_wedged_engine_is_taken_out_and_comes_back_when_it_writes_again() -> None:
    async with looks_at(wedged, longest_seconds=0.1) as looks:
        seen = [await looks.status(0), await looks.status(), await looks.status()]
        with pytest.raises(DependencyDown, match="wrote no token"):
            await looks.health.ping()
        looks.scripted.chat = says_hello

        async def it_is_back() -> None:
            assert await looks.status() == SERVING

        await assert_eventually(it_is_back)

    assert seen == [SERVING, SERVING, NOT_SERVING]


async def test_it_asks_for_one_token() -> None:
    async with looks_at(says_hello) as looks:
        await looks.status()

    assert [(body["model"], body["max_tokens"]) for body in looks.scripted.bodies] == [("tiny", 1)]


async def test_an_answer_to_anybody_makes_it_superfluous() -> None:
    async with looks_at(says_hello) as looks:
        for _ in range(3):
            await looks.endpoint.chat({"messages": [{"role": "user", "content": "real"}]}, wanted=1)
            await looks.status()
        real = len(looks.scripted.bodies)
        await looks.status()

    assert (real, len(looks.scripted.bodies)) == (3, 4)


async def test_it_does_not_sing_before_it_is_due() -> None:
    async with looks_at(says_hello) as looks:
        for _ in range(5):
            await looks.status(EVERY_SECONDS / 6)

    assert looks.scripted.bodies == []


@pytest.mark.parametrize(
    ("status", "message"), [(429, "full"), (400, "this model writes no chats"), (404, "no such path")]
)
async def test_an_endpoint_that_refuses_it_does_answer(status: int, message: str) -> None:
    async def refuse(_body: dict[str, Any]) -> web.Response:
        return error_answer(status, message)

    async with looks_at(refuse) as looks:
        seen = [await looks.status(), await looks.status(), await looks.status()]

    assert seen == [SERVING] * 3


async def test_where_models_embed_it_asks_for_an_embedding() -> None:
    asked: list[dict[str, Any]] = []

    async def embed(body: dict[str, Any]) -> web.StreamResponse:
        asked.append(body)
        return web.json_response({"data": [{"index": 0, "embedding": [0.5]}]})

    async with running_endpoint() as scripted:
        scripted.embed = embed
        settings, clock = pod_settings(scripted.url), FakeClock()
        endpoint = open_endpoint(settings)
        pools = Pools(settings.pools, endpoint)
        canary = Canary(
            endpoint, pools, clock, pool="generator", every_seconds=EVERY_SECONDS, longest_seconds=30, embeds=True
        )
        before = canaries("ok")
        for _ in range(4):
            clock.advance(EVERY_SECONDS / 2)
            await canary.sing()
        await endpoint.close()

    assert canaries("ok") == before + 2
    assert [(body["model"], body["input"]) for body in asked] == [("tiny", ["Hi"])] * 2
    assert scripted.bodies == []


def canaries(outcome: str) -> float:
    return REGISTRY.get_sample_value("graftwork_solver_canaries_total", {"outcome": outcome}) or 0.0


class MistakenEndpoint(Endpoint):
    """One whose list of models we read wrongly."""

    @override
    async def models(self) -> NoReturn:
        raise ZeroDivisionError


async def test_a_mistake_of_ours_about_an_answer_does_not_end_the_pod() -> None:
    async with running_endpoint() as scripted:
        looks = Looks(scripted, MistakenEndpoint(httpx.AsyncHTTPTransport(), scripted.url), longest_seconds=30.0)

        assert await looks.status() == SERVING
