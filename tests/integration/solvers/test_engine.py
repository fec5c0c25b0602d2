"""A pod that owns its engine: it comes up, dies, hangs and ends, and so do its engine's processes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NoReturn

import grpc.aio
import psutil
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.models import statuses
from graftwork.models import wire
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.bootstrap import Pod
from graftwork_solvers.engine import State
from tests.integration.solvers.test_pod import Held
from tests.integration.solvers.test_pod import asking
from tests.integration.solvers.test_pod import fetched
from tests.integration.solvers.test_pod import release_once_draining
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import says_hello
from tests.support.engines import standin_engine
from tests.support.eventually import assert_eventually
from tests.support.pods import client_of
from tests.support.pods import running_pod
from tests.support.processes import assert_gone


async def never(_body: dict[str, Any]) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("it never comes to an end")


def restarts() -> float:
    return REGISTRY.get_sample_value("graftwork_solver_engine_restarts_total") or 0.0


def state_of(pod: Pod) -> State:
    assert pod.own is not None
    return pod.own.engine.state


async def reached(pod: Pod, state: State) -> None:
    def is_there() -> None:
        assert state_of(pod) is state

    await assert_eventually(is_there)


async def serves(pod: Pod) -> None:
    async def is_ready() -> None:
        status, problems = await fetched(pod, "/readyz")
        assert (status, problems) == (200, '{"ready":true,"problems":{}}')

    await assert_eventually(is_ready)


async def restarted(times: float) -> None:
    def so_often() -> None:
        assert restarts() >= times

    await assert_eventually(so_often)


async def family_in(file: Path, *, after: Sequence[int] = ()) -> list[int]:
    """Process ids of an engine and its child, once it has told them; another one than ``after``."""

    def told() -> list[int]:
        assert file.exists()
        ids = [int(pid) for pid in file.read_text().split()]
        assert len(ids) == 2
        assert ids != after
        return ids

    return await assert_eventually(told)


async def all_gone(pids: list[int]) -> None:
    def gone() -> None:
        for pid in pids:
            assert_gone(pid)

    await assert_eventually(gone)


async def told_by(pod: Pod) -> GraftworkError:
    """What a caller hears who does not care for the health service."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{pod.grpc_port}") as channel:
        message = wire.generate_request_to_wire(asking())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await solvers_pb2_grpc.SolversStub(channel).Generate(message, timeout=30)
    return statuses.error_of(refused.value, pool="generator")


async def test_a_call_is_answered_by_the_engine_after_it_was_warmed() -> None:
    async with standin_engine() as (endpoint, settings), running_pod(settings) as pod, client_of(pod) as client:
        generation = await client.generate(asking("hi"), timeout_seconds=30)

    assert generation.texts == ("hello",)
    assert [body["messages"][-1]["content"] for body in endpoint.bodies] == ["Yes or no?", "hi"]
    assert "response_format" in endpoint.bodies[0]


async def test_while_it_loads_the_port_is_open_and_says_what_goes_on() -> None:
    async with standin_engine() as (endpoint, settings):
        endpoint.well = False
        async with running_pod(settings, healthy=False) as pod:
            await reached(pod, State.STARTING)
            ready = await fetched(pod, "/readyz")
            told = await told_by(pod)
            endpoint.well = True
            await serves(pod)

    assert ready[0] == 503
    assert "the engine is starting" in ready[1]
    assert isinstance(told, DependencyDown)
    assert (str(told), told.retry_after_seconds) == ("the engine is starting", 5.0)


async def test_one_that_dies_at_its_start_is_tried_again_and_its_last_words_are_told(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("(APIServer pid=7) ERROR 11-21 20:43:57 [core.py:1] OSError: no such model: /models/tiny")
    before = restarts()
    async with (
        standin_engine(says_hello, "--dies-while", str(words)) as (_, settings),
        running_pod(settings, healthy=False) as pod,
    ):
        await restarted(before + 3)
        ready, told = await fetched(pod, "/readyz"), await told_by(pod)
        words.unlink()
        await serves(pod)

    assert ready[0] == 503
    assert "OSError: no such model: /models/tiny" in ready[1]
    assert "OSError: no such model: /models/tiny" in str(told)


async def test_a_program_that_is_not_there_is_named() -> None:
    async with (
        standin_engine(solvers_vllm_command="/nowhere/vllm") as (_, settings),
        running_pod(settings, healthy=False) as pod,
    ):
        await restarted(restarts() + 1)
        told = await told_by(pod)

    assert "cannot execute /nowhere/vllm: No such file or directory" in str(told)


async def test_a_call_in_the_middle_of_which_it_dies_fails_so_that_it_can_go_elsewhere(tmp_path: Path) -> None:
    held, family = Held(), tmp_path / "family"
    async with (
        standin_engine(held.chat, "--family", str(family)) as (_, settings),
        running_pod(settings) as pod,
        client_of(pod, unavailable_attempts=1) as client,
    ):
        first_life = await family_in(family)
        call = asyncio.ensure_future(client.generate(asking("begun"), timeout_seconds=60))
        await assert_eventually(lambda: held.hears("begun"))
        psutil.Process(first_life[0]).kill()
        with pytest.raises(DependencyDown):
            await call
        second_life = await family_in(family, after=first_life)
        await serves(pod)
        await all_gone(first_life)
        held.release.set()

    assert set(first_life).isdisjoint(second_life)


async def test_a_call_that_is_tried_again_is_answered_by_the_next_life(tmp_path: Path) -> None:
    family, chats = tmp_path / "family", iter([never, says_hello])

    async def once_silent(body: dict[str, Any]) -> web.StreamResponse:
        return await next(chats)(body)

    async with (
        standin_engine(once_silent, "--family", str(family)) as (endpoint, settings),
        running_pod(settings) as pod,
        client_of(pod, unavailable_attempts=99) as client,
    ):
        pids = await family_in(family)
        call = asyncio.ensure_future(client.generate(asking("begun"), timeout_seconds=60))
        await assert_eventually(lambda: heard(endpoint, "begun"))
        psutil.Process(pids[0]).kill()
        generation = await call

    assert generation.texts == ("hello",)


def heard(endpoint: ScriptedEndpoint, prompt: str) -> None:
    assert prompt in [body["messages"][-1]["content"] for body in endpoint.bodies]


async def test_one_that_lists_its_models_and_writes_nothing_is_killed_and_started_again(tmp_path: Path) -> None:
    family, before = tmp_path / "family", restarts()
    looks = {"solvers_probe_seconds": 0.05, "solvers_canary_seconds": 0.1, "solvers_canary_longest_seconds": 0.2}
    async with standin_engine(never, "--family", str(family), **looks) as (_, settings), running_pod(settings):
        first_life = await family_in(family)
        await restarted(before + 1)
        await all_gone(first_life)


async def test_one_that_says_itself_that_it_is_dead_is_started_again() -> None:
    before = restarts()
    async with standin_engine(solvers_probe_seconds=0.05) as (endpoint, settings), running_pod(settings) as pod:
        endpoint.well = False
        await restarted(before + 1)
        endpoint.well = True
        await serves(pod)


async def test_a_cancelled_call_hangs_up_at_the_engine() -> None:
    async with standin_engine(never) as (endpoint, settings), running_pod(settings) as pod, client_of(pod) as client:
        call = asyncio.ensure_future(client.generate(asking("endless"), timeout_seconds=60))
        await assert_eventually(lambda: heard(endpoint, "endless"))
        call.cancel()
        await asyncio.wait_for(endpoint.hung_up.wait(), 30)


async def test_a_pod_that_goes_lets_its_calls_end_and_then_its_engine(tmp_path: Path) -> None:
    held, family = Held(), tmp_path / "family"
    async with standin_engine(held.chat, "--family", str(family)) as (_, settings):
        async with running_pod(settings) as pod:
            pids, client = await family_in(family), client_of(pod)
            call = asyncio.ensure_future(client.generate(asking("begun"), timeout_seconds=60))
            await assert_eventually(lambda: held.hears("begun"))
            answered = asyncio.ensure_future(release_once_draining(pod, held))
        generation = await call
        await answered
        await client.close()
        await all_gone(pids)

    assert generation.texts == ("begun",)


async def test_one_that_does_not_listen_is_killed_in_the_end(tmp_path: Path) -> None:
    family = tmp_path / "family"
    async with standin_engine(says_hello, "--family", str(family), "--deaf") as (_, settings):
        async with running_pod(settings):
            pids = await family_in(family)
        await all_gone(pids)


async def test_its_own_metrics_are_passed_on() -> None:
    async with standin_engine() as (endpoint, settings), running_pod(settings) as pod:
        endpoint.meters = 'vllm:num_requests_waiting{model_name="tiny"} 3.0\npython_info{version="3.11"} 1.0\n'
        _, metrics = await fetched(pod, "/metrics")

    assert 'vllm:num_requests_waiting{model_name="tiny"} 3.0\n' in metrics
    assert metrics.count("\npython_info{") == 1
    assert 'graftwork_solver_engine_state{state="serving"} 1.0' in metrics


async def test_calls_that_wait_inside_it_lower_the_limit() -> None:
    held = Held()
    async with standin_engine(held.chat, solvers_first_concurrency=8) as (endpoint, settings):
        endpoint.meters = "vllm:num_requests_running 2.0\nvllm:num_requests_waiting 6.0\n"
        async with running_pod(settings) as pod, client_of(pod) as client:
            calls = [asyncio.ensure_future(client.generate(asking("x"), timeout_seconds=60)) for _ in range(8)]
            await assert_eventually(the_limit_is_lower)
            held.release.set()
            await asyncio.gather(*calls)


def the_limit_is_lower() -> None:
    assert REGISTRY.get_sample_value("graftwork_solver_limit") == 4


async def test_it_tells_its_context_length_and_what_it_is() -> None:
    async with standin_engine() as (_, settings), running_pod(settings) as pod, client_of(pod) as client:
        described = await client.describe("generator")
    async with (
        standin_engine(solvers_vllm_revision="abc") as (_, settings),
        running_pod(settings) as pod,
        client_of(pod) as client,
    ):
        another = await client.describe("generator")

    assert (described.default_model, described.models[0].context_tokens) == ("tiny", 2048)
    assert described.revision != another.revision
