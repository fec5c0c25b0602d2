"""How much a client asks of a pool at once, and that what comes too late is never sent."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import asynccontextmanager
from itertools import chain
from itertools import count
from itertools import repeat

import grpc.aio
import pytest

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import Overloaded
from graftwork.models.channels import server_options
from graftwork.models.client import SolverClient
from graftwork.models.fake import FakePlane
from graftwork.models.fake import Script
from graftwork.models.fake import describe_fake
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.limit import Limit
from graftwork_solvers.pools import Pools
from graftwork_solvers.servicer import SolversServicer
from graftwork_solvers.solver import Solver
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import client_at
from tests.support.pods import pod_settings


def asking(prompt: str, pool: str = "one") -> GenerateRequest:
    return GenerateRequest(pool=pool, messages=(Message(role="user", content=prompt),))


class Held:
    """A plane whose calls are answered once they are released, by prompt."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.heard: list[str] = []
        self._release: dict[str, asyncio.Event] = {}
        self.plane = FakePlane(self._answer, pools=[describe_fake("one"), describe_fake("two")])

    async def _answer(self, request: GenerateRequest) -> str:
        prompt = request.messages[-1].content
        self.heard.append(prompt)
        self.inside.append(prompt)
        await self._release.setdefault(prompt, asyncio.Event()).wait()
        self.inside.remove(prompt)
        return prompt

    def release(self, *prompts: str) -> None:
        for prompt in prompts:
            self._release.setdefault(prompt, asyncio.Event()).set()

    def holds(self, *prompts: str) -> None:
        assert sorted(self.inside) == list(prompts)


@asynccontextmanager
async def serving(plane: FakePlane) -> AsyncIterator[str]:
    server = grpc.aio.server(options=server_options(connection_age_seconds=60, connection_grace_seconds=60))
    solvers_pb2_grpc.add_SolversServicer_to_server(SolversServicer(plane, longest_call_seconds=60), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


def begun(client: SolverClient, *prompts: str, pool: str = "one") -> list["asyncio.Future[object]"]:
    return [asyncio.ensure_future(client.generate(asking(prompt, pool), timeout_seconds=30)) for prompt in prompts]


async def test_no_more_calls_are_under_way_than_may_be_and_they_take_turns() -> None:
    held = Held()
    async with serving(held.plane) as address, client_at(address, calls_per_pool=2) as client:
        calls = begun(client, "a", "b", "c", "d")
        await assert_eventually(lambda: held.holds("a", "b"))
        held.release("b")
        await assert_eventually(lambda: held.holds("a", "c"))
        held.release("a", "c", "d")
        await asyncio.gather(*calls)

    assert held.heard[2:] == ["c", "d"]


async def test_one_pool_does_not_wait_for_another() -> None:
    held = Held()
    async with serving(held.plane) as address, client_at(address, calls_per_pool=1) as client:
        first = begun(client, "a", "b")
        await assert_eventually(lambda: held.holds("a"))
        second = begun(client, "c", pool="two")
        await assert_eventually(lambda: held.holds("a", "c"))
        held.release("a", "b", "c")
        await asyncio.gather(*first, *second)

    assert held.heard == ["a", "c", "b"]


async def test_a_call_whose_deadline_passes_while_it_waits_is_never_sent() -> None:
    held = Held()
    async with serving(held.plane) as address, client_at(address, calls_per_pool=1) as client:
        first = begun(client, "a")
        await assert_eventually(lambda: held.holds("a"))
        with pytest.raises(DependencyDown, match=r"in time \(0\.05 s\): all 1 places that this process has there"):
            await client.generate(asking("late"), timeout_seconds=0.05)
        with pytest.raises(DependencyDown, match="in time"):
            await client.embed(EmbedRequest(pool="one", texts=("late",)), timeout_seconds=0.05)
        held.release("a", "b")
        await asyncio.gather(*first, *begun(client, "b"))

    assert held.heard == ["a", "b"]
    assert held.plane.calls == {"one": 2}


async def test_a_call_that_is_given_up_while_it_waits_takes_no_place() -> None:
    held = Held()
    async with serving(held.plane) as address, client_at(address, calls_per_pool=1) as client:
        first, given_up, last = begun(client, "a", "given up", "b")
        await assert_eventually(lambda: held.holds("a"))
        given_up.cancel()
        held.release("a", "b")
        await asyncio.gather(first, last)

    assert held.heard == ["a", "b"]


@pytest.mark.parametrize("seconds", [0, -1])
async def test_a_call_without_time_left_is_never_sent(seconds: float) -> None:
    plane = FakePlane(lambda _: "x", pools=[describe_fake("one")])
    async with serving(plane) as address, client_at(address) as client:
        with pytest.raises(DependencyDown, match="in time"):
            await client.generate(asking("late"), timeout_seconds=seconds)
        with pytest.raises(DependencyDown, match="in time"):
            await client.embed(EmbedRequest(pool="one", texts=("late",)), timeout_seconds=seconds)
        await client.generate(asking("in time"), timeout_seconds=30)

    assert plane.calls == {"one": 1}


def full(_request: GenerateRequest) -> str:
    raise Overloaded("full", retry_after_seconds=0.001)


def running_out_after(looks: int) -> Iterator[float]:
    """A clock: nothing has passed at the first so many looks, and everything at all others."""
    return chain(repeat(0.0, looks), repeat(1000.0))


async def test_a_call_whose_deadline_passes_between_two_tries_is_not_sent_again() -> None:
    script: Script = full
    plane, clock = FakePlane(script, pools=[describe_fake("one")]), running_out_after(looks=3)
    async with serving(plane) as address, client_at(address, monotonic=lambda: next(clock)) as client:
        with pytest.raises(Overloaded, match="full"):
            await client.generate(asking("late"), timeout_seconds=30)

    assert plane.calls == {"one": 1}


async def test_a_pool_may_be_asked_what_it_serves_while_all_places_are_taken() -> None:
    held = Held()
    async with serving(held.plane) as address, client_at(address, calls_per_pool=1) as client:
        calls = begun(client, "a")
        await assert_eventually(lambda: held.holds("a"))
        described = await client.describe("one")
        held.release("a")
        await asyncio.gather(*calls)

    assert described.pool == "one"


async def test_a_pod_sends_nothing_once_the_deadline_has_passed_on_the_way_to_a_place() -> None:
    async with running_endpoint() as scripted:
        settings, clock = pod_settings(scripted.url, solvers_pools={"one": {"model": "tiny"}}), count(step=20.0)
        endpoint = open_endpoint(settings)
        gate = Gate(Limit(1, 1), 1, retry_seconds=1)
        solver = Solver(Pools(settings.pools, endpoint), endpoint, gate, monotonic=lambda: next(clock))
        with pytest.raises(DependencyDown, match="in time"):
            await solver.generate(asking("late"), timeout_seconds=15)
        with pytest.raises(DependencyDown, match="in time"):
            await solver.embed(EmbedRequest(pool="one", texts=("late",)), timeout_seconds=15)
        await solver.generate(asking("in time"), timeout_seconds=30)
        await endpoint.close()

    assert [body["messages"][0]["content"] for body in scripted.bodies] == ["in time"]
