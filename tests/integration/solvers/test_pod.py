"""A pod's life: health, limits, draining, and what it tells about itself."""

import asyncio
from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest
from aiohttp import web
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc
from prometheus_client import REGISTRY

from graftwork.kit.clock import FakeClock
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import PortTaken
from graftwork.models.channels import SERVICE
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork_solvers.bootstrap import Pod
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.health import Health
from graftwork_solvers.limit import Limit
from graftwork_solvers.pools import Pools
from graftwork_solvers.solver import Solver
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def asking(prompt: str = "hi") -> GenerateRequest:
    return GenerateRequest(pool="generator", messages=(Message(role="user", content=prompt),))


class Held:
    """Chats that answer only when released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.heard: list[str] = []

    async def chat(self, body: dict[str, Any]) -> web.Response:
        prompt = body["messages"][-1]["content"]
        self.heard.append(prompt)
        await self.release.wait()
        return chat_answer(prompt)

    def hears(self, *prompts: str) -> None:
        assert self.heard == list(prompts)


async def fetched(pod: Pod, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{pod.http.port}{path}") as answer:
        return answer.status, await answer.text()


async def test_watch_tells_every_change_of_health() -> None:
    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url)) as pod,
        grpc.aio.insecure_channel(f"127.0.0.1:{pod.grpc_port}") as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        before = (await watch.read()).status
        await pod.health.leave()
        after = (await watch.read()).status
        watch.cancel()

    assert (before, after) == (SERVING, NOT_SERVING)


async def test_check_answers_for_the_server_and_the_service() -> None:
    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url)) as pod,
        grpc.aio.insecure_channel(f"127.0.0.1:{pod.grpc_port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        asked = [stub.Check(health_pb2.HealthCheckRequest(service=name)) for name in ("", SERVICE)]
        answers = [(await answer).status for answer in asked]

    assert answers == [SERVING, SERVING]


async def test_reflection_lists_the_services() -> None:
    async def one_question() -> Any:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url)) as pod,
        grpc.aio.insecure_channel(f"127.0.0.1:{pod.grpc_port}") as channel,
    ):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = [answer async for answer in stub.ServerReflectionInfo(one_question())]

    names = {service.name for service in answers[0].list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_the_http_side_tells_health_readiness_and_metrics() -> None:
    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod, client_of(pod) as client:
        await client.generate(asking(), timeout_seconds=10)
        health, readiness, metrics = [await fetched(pod, path) for path in ("/healthz", "/readyz", "/metrics")]

    assert (health[0], readiness[0], metrics[0]) == (200, 200, 200)
    assert 'graftwork_solver_calls_total{call="generate",outcome="ok",pool="generator"}' in metrics[1]


async def test_an_endpoint_that_wants_a_key_shows_in_readiness_while_calls_hear_it_from_itself() -> None:
    async def locked(*_: Any) -> web.StreamResponse:
        return error_answer(401, "no key")

    async with running_endpoint(locked) as endpoint:
        endpoint.models = locked
        settings = pod_settings(endpoint.url, models={"generator": "tiny"})
        async with running_pod(settings, healthy=False) as pod, client_of(pod, unavailable_attempts=99) as client:
            with pytest.raises(ModelRefused, match="OPENAI_API_KEY"):
                await client.generate(asking(), timeout_seconds=30)
            status, problems = await fetched(pod, "/readyz")

    assert status == 503
    assert "OPENAI_API_KEY" in problems


async def test_an_endpoint_that_locks_nothing_but_its_list_is_ready() -> None:
    async def locked() -> web.StreamResponse:
        return error_answer(401, "x-api-key header is required")

    async with running_endpoint() as endpoint:
        endpoint.models = locked
        settings = pod_settings(endpoint.url, solvers_pools={"generator": {"model": "tiny"}})
        async with running_pod(settings) as pod:
            status, _ = await fetched(pod, "/readyz")
            asked = len(endpoint.bodies)
            await pod.health.look()

    assert status == 200
    assert asked == len(endpoint.bodies) == 1


async def test_a_dead_endpoint_shows_in_readiness_and_in_the_caller_s_error() -> None:
    async with running_endpoint() as endpoint:
        dead = endpoint.url

    async with running_pod(pod_settings(dead), healthy=False) as pod, client_of(pod) as client:
        with pytest.raises(DependencyDown):
            await client.generate(asking(), timeout_seconds=5)
        status, problems = await fetched(pod, "/readyz")

    assert status == 503
    assert dead in problems


class Looks:
    """A pod's health, looked at by hand."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.health = Health(endpoint, Pools({}, endpoint), FakeClock())

    async def status(self) -> int:
        await self.health.look()
        answer = await self.health.servicer.Check(health_pb2.HealthCheckRequest(service=SERVICE), None)
        status: int = answer.status
        return status


async def test_two_failed_looks_running_take_a_pod_out_and_one_good_look_brings_it_back() -> None:
    broken = False

    async def listing() -> web.StreamResponse:
        return error_answer(500, "down") if broken else web.json_response({"data": [{"id": "tiny"}]})

    async with running_endpoint() as scripted:
        scripted.models = listing
        endpoint = open_endpoint(pod_settings(scripted.url))
        looks = Looks(endpoint)
        seen = [await looks.status()]
        broken = True
        seen += [await looks.status(), await looks.status()]
        broken = False
        seen += [await looks.status()]
        await endpoint.close()

    assert seen == [SERVING, SERVING, NOT_SERVING, SERVING]


@pytest.mark.parametrize("status", [404, 429])
async def test_an_endpoint_that_will_not_list_its_models_counts_as_up(status: int) -> None:
    async def listing() -> web.StreamResponse:
        return error_answer(status, "no")

    async with running_endpoint() as scripted:
        scripted.models = listing
        endpoint = open_endpoint(pod_settings(scripted.url))
        seen = await Looks(endpoint).status()
        await endpoint.close()

    assert seen == SERVING


async def test_without_looks_a_pod_serves_at_once() -> None:
    async with running_endpoint() as endpoint:
        settings = pod_settings(endpoint.url, solvers_probe_seconds=0, solvers_pools={"generator": {"model": "tiny"}})
        async with running_pod(settings) as pod, client_of(pod) as client:
            generation = await client.generate(asking(), timeout_seconds=10)
            status, _ = await fetched(pod, "/readyz")

    assert (generation.texts, status) == (("hello",), 200)


async def test_a_call_beyond_the_queue_is_told_to_come_back() -> None:
    held = Held()
    async with running_endpoint(held.chat) as endpoint:
        settings = pod_settings(
            endpoint.url, solvers_concurrency=1, solvers_queue_length=0, solvers_overload_retry_seconds=99
        )
        async with running_pod(settings) as pod, client_of(pod) as client:
            first = asyncio.ensure_future(client.generate(asking("first"), timeout_seconds=30))
            await assert_eventually(lambda: held.hears("first"))
            with pytest.raises(Overloaded) as full:
                await client.generate(asking("second"), timeout_seconds=5)
            held.release.set()
            await first

    assert full.value.retry_after_seconds == 99
    assert held.heard == ["first"]


def waiting_is(calls: int) -> None:
    assert REGISTRY.get_sample_value("graftwork_solver_waiting") == calls


async def test_a_call_whose_deadline_passes_in_the_queue_is_never_sent() -> None:
    held = Held()
    async with running_endpoint(held.chat) as endpoint:
        settings = pod_settings(endpoint.url, solvers_concurrency=1)
        async with running_pod(settings) as pod, client_of(pod) as client:
            first = asyncio.ensure_future(client.generate(asking("first"), timeout_seconds=30))
            await assert_eventually(lambda: held.hears("first"))
            late = asyncio.ensure_future(client.generate(asking("late"), timeout_seconds=1))
            await assert_eventually(lambda: waiting_is(1))
            with pytest.raises(DependencyDown, match="in time"):
                await late
            await assert_eventually(lambda: waiting_is(0))
            held.release.set()
            await first
            last = await client.generate(asking("last"), timeout_seconds=30)

    assert held.heard == ["first", "last"]
    assert last.texts == ("last",)


async def test_a_call_that_comes_past_its_deadline_is_never_sent() -> None:
    async with running_endpoint() as scripted:
        settings = pod_settings(scripted.url)
        endpoint = open_endpoint(settings)
        solver = Solver(Pools(settings.pools, endpoint), endpoint, Gate(Limit(1, 1), 1, retry_seconds=1))
        await solver.generate(asking("in time"), timeout_seconds=10)
        with pytest.raises(DependencyDown, match="in time"):
            await solver.generate(asking("late"), timeout_seconds=0)
        await endpoint.close()

    assert len(scripted.bodies) == 1


async def test_a_call_outlives_the_age_of_its_connection() -> None:
    async def slow(_body: dict[str, Any]) -> web.Response:
        await asyncio.sleep(1)
        return chat_answer("slowly")

    async with running_endpoint(slow) as endpoint:
        settings = pod_settings(endpoint.url, solvers_connection_age_seconds=0.2)
        async with running_pod(settings) as pod, client_of(pod, unavailable_attempts=99) as client:
            calls = [client.generate(asking(), timeout_seconds=30) for _ in range(3)]
            answers = await asyncio.gather(*calls)

    assert [answer.texts for answer in answers] == [("slowly",)] * 3
    assert len(endpoint.bodies) == 3


async def test_the_time_spent_in_the_queue_is_told() -> None:
    held = Held()
    async with running_endpoint(held.chat) as endpoint:
        settings = pod_settings(endpoint.url, solvers_concurrency=1)
        async with running_pod(settings) as pod, client_of(pod) as client:
            calls = [asyncio.ensure_future(client.generate(asking("x"), timeout_seconds=30)) for _ in range(2)]
            await assert_eventually(lambda: held.hears("x"))
            held.release.set()
            answers: list[Generation] = await asyncio.gather(*calls)

    waited = sorted(answer.queue_seconds for answer in answers)
    assert waited[0] < waited[1]
    assert all(answer.run_seconds > 0 for answer in answers)


async def release_once_draining(pod: Pod, held: Held) -> None:
    def draining() -> None:
        assert pod.readiness.draining

    await assert_eventually(draining)
    held.release.set()


async def test_a_draining_pod_ends_what_it_began() -> None:
    held = Held()
    async with running_endpoint(held.chat) as endpoint:
        async with running_pod(pod_settings(endpoint.url)) as pod:
            client = client_of(pod)
            call = asyncio.ensure_future(client.generate(asking("begun"), timeout_seconds=30))
            await assert_eventually(lambda: held.hears("begun"))
            answered = asyncio.ensure_future(release_once_draining(pod, held))
        generation = await call
        await answered
        await client.close()

    assert generation.texts == ("begun",)


async def test_a_call_that_outlasts_the_drain_is_ended_and_hangs_up() -> None:
    held = Held()
    async with running_endpoint(held.chat) as endpoint:
        async with running_pod(pod_settings(endpoint.url, drain_seconds=0.1)) as pod:
            client = client_of(pod, unavailable_attempts=1)
            call = asyncio.ensure_future(client.generate(asking("endless"), timeout_seconds=30))
            await assert_eventually(lambda: held.hears("endless"))
        with pytest.raises(DependencyDown):
            await call
        await asyncio.wait_for(endpoint.hung_up.wait(), 10)
        await client.close()


async def test_a_pod_that_is_not_serving_gets_no_calls() -> None:
    async with (
        running_endpoint() as left,
        running_endpoint() as right,
        running_pod(pod_settings(left.url)) as staying,
        running_pod(pod_settings(right.url)) as leaving,
        client_of(staying, leaving) as client,
    ):

        async def both_are_asked() -> None:
            await client.generate(asking(), timeout_seconds=10)
            assert left.bodies
            assert right.bodies

        await assert_eventually(both_are_asked)
        await leaving.health.leave()

        async def only_one_is_asked() -> None:
            before = len(right.bodies)
            for _ in range(4):
                await client.generate(asking(), timeout_seconds=10)
            assert len(right.bodies) == before

        await assert_eventually(only_one_is_asked)
        before = len(right.bodies)
        await asyncio.gather(*(client.generate(asking(), timeout_seconds=10) for _ in range(30)))

    assert len(right.bodies) == before


async def test_a_pod_that_stops_in_the_middle_loses_no_call() -> None:
    async with (
        running_endpoint() as endpoint,
        running_pod(pod_settings(endpoint.url)) as staying,
    ):
        async with running_pod(pod_settings(endpoint.url)) as leaving:
            client = client_of(staying, leaving, unavailable_attempts=6)
            await client.generate(asking(), timeout_seconds=10)
            calls = [asyncio.ensure_future(client.generate(asking(str(n)), timeout_seconds=30)) for n in range(40)]
        answers = await asyncio.gather(*calls)
        await client.close()

    assert len(answers) == 40


async def test_a_taken_grpc_port_is_one_clear_line() -> None:
    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod:
        with pytest.raises(PortTaken, match=f"port {pod.grpc_port} "):
            async with running_pod(pod_settings(endpoint.url, solvers_port=pod.grpc_port)):
                pass


async def test_a_pod_in_front_of_a_bare_list_takes_its_first_model() -> None:
    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod, client_of(pod) as client:
        described = await client.describe("generator")
        await client.generate(asking(), timeout_seconds=10)

    assert described.default_model == "tiny"
    assert described.models[0].context_tokens == 2048
    assert endpoint.bodies[0]["model"] == "tiny"
