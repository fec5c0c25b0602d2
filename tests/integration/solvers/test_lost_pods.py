"""Two pods as processes behind one client: one is killed and comes back, the other is drained, and nobody notices."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

import grpc.aio
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc

from graftwork.models.channels import SERVICE
from graftwork.models.client import SolverClient
from tests.integration.solvers.test_pod import asking
from tests.integration.solvers.test_process import ended
from tests.integration.solvers.test_process import pod_process
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import client_at

CALLS = 500
CALLERS = 8
PROPAGATION_SECONDS = "3"


class Traffic:
    """Callers that ask one question after the other, until ``CALLS`` are answered and they may ``stop``."""

    def __init__(self, client: SolverClient) -> None:
        self._client = client
        self._numbers = itertools.count()
        self.stop = False
        self.answers: dict[str, tuple[str, ...]] = {}
        self.begun = 0

    async def caller(self) -> None:
        while not (self.stop and len(self.answers) >= CALLS):
            prompt = str(next(self._numbers))
            self.begun += 1
            generation = await self._client.generate(asking(prompt), timeout_seconds=60)
            self.answers[prompt] = generation.texts

    async def more(self, calls: int) -> None:
        """Wait until so many more are answered."""
        enough = len(self.answers) + calls

        def answered() -> None:
            assert len(self.answers) >= enough

        await assert_eventually(answered, timeout_seconds=60)


def prompts(endpoint: ScriptedEndpoint) -> list[int]:
    return [int(body["messages"][-1]["content"]) for body in endpoint.bodies]


async def is_asked(endpoint: ScriptedEndpoint) -> None:
    before = len(endpoint.bodies)

    def asked() -> None:
        assert len(endpoint.bodies) > before

    await assert_eventually(asked, timeout_seconds=60)


@asynccontextmanager
async def told_not_serving(port: int) -> AsyncIterator[asyncio.Future[None]]:
    """Follow a pod's health: done once it tells that it does not serve."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING

        async def until_it_changes() -> None:
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING

        told = asyncio.ensure_future(until_it_changes())
        yield told
        watch.cancel()


async def test_a_killed_and_a_drained_pod_lose_no_call_and_none_goes_to_the_drained_one() -> None:
    async with (
        running_endpoint() as left,
        running_endpoint() as right,
        pod_process(OPENAI_BASE_URL=right.url, GRAFTWORK_SOLVERS_PROPAGATION_SECONDS=PROPAGATION_SECONDS) as drained,
        AsyncExitStack() as returned,
    ):
        async with pod_process(OPENAI_BASE_URL=left.url) as (killed, left_port):
            client = await returned.enter_async_context(
                client_at(f"127.0.0.1:{left_port},127.0.0.1:{drained[1]}", unavailable_attempts=6, backoff_seconds=0.1)
            )
            traffic = Traffic(client)
            calling = asyncio.gather(*(traffic.caller() for _ in range(CALLERS)))
            await asyncio.gather(is_asked(left), is_asked(right))
            killed.kill()
            await killed.wait()
        await traffic.more(50)

        again = {"OPENAI_BASE_URL": left.url, "GRAFTWORK_SOLVERS_PORT": str(left_port)}
        await returned.enter_async_context(pod_process(**again))
        await is_asked(left)

        async with told_not_serving(drained[1]) as told:
            drained[0].send_signal(signal.SIGTERM)
            await told
        await traffic.more(2 * CALLERS)  # the client has heard of it too, whichever of us was told first
        first_after = traffic.begun
        status, said = await ended(drained[0])
        traffic.stop = True
        await calling

    assert len(traffic.answers) >= CALLS
    assert sorted(map(int, traffic.answers)) == list(range(traffic.begun))
    assert set(traffic.answers.values()) == {("hello",)}
    assert max(prompts(right)) < first_after < traffic.begun
    assert (status, "Traceback" in said) == (0, False)
