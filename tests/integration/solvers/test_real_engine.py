"""What happens to a real vLLM that dies, hangs or has to go, and to the calls it was answering."""

import asyncio
import signal
from typing import Any

import psutil
import pytest

from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from tests.support.eventually import assert_eventually
from tests.support.pod_process import PodProcess
from tests.support.pod_process import pod_process
from tests.support.real_backends import Backend
from tests.support.real_backends import vllm_backend
from tests.support.vllm import START_SECONDS
from tests.support.vllm import engine_environment
from tests.support.vllm import require_vllm

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

CORE = "VLLM::EngineCore"
GONE_SECONDS = 20
LONG_TOKENS = 150
PATIENCE_SECONDS = 600


async def ask(client: SolverClient, pool: str = "generator", **fields: Any) -> Generation:
    said = {"temperature": 0.0, "max_tokens": 8, **fields}
    request = GenerateRequest(pool=pool, messages=(Message(role="user", content="Count."),), **said)
    return await client.generate(request, timeout_seconds=PATIENCE_SECONDS)


def long(client: SolverClient) -> "asyncio.Future[Generation]":
    """A call that takes the engine a while."""
    return asyncio.ensure_future(ask(client, "endless", max_tokens=LONG_TOKENS))


async def begun(pod: PodProcess) -> None:
    """Wait until the engine works on a call."""

    async def running() -> None:
        assert (await pod.metrics())["vllm:num_requests_running"] == 1

    await assert_eventually(running, timeout_seconds=60)


async def heard(pod: PodProcess, event: str, since: int, **fields: Any) -> dict[str, Any]:
    return await asyncio.to_thread(pod.heard, event, since=since, seconds=START_SECONDS, **fields)


async def gone(processes: list[psutil.Process]) -> None:
    """Wait until none of these is left."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, GONE_SECONDS)
    assert alive == []


async def test_an_engine_that_dies_in_the_middle_of_a_call_comes_back_and_answers_it(vllm_pod: Backend) -> None:
    pod, since, family = vllm_pod.pod, vllm_pod.pod.entries, vllm_pod.pod.family()
    async with vllm_pod.client() as client:
        before = (await client.describe("generator")).revision
        call = long(client)
        await begun(pod)
        pod.engine(CORE).kill()
        ended = await heard(pod, "engine.gone", since)
        await gone(family)
        answered = await call
        after = (await client.describe("generator")).revision

    assert answered.usage.completion_tokens == LONG_TOKENS
    assert before == after
    assert ended["in_a_row"] == 1
    assert pod.states(since) == ["restarting", "starting", "warming", "serving"]


async def test_an_engine_that_hangs_is_found_out_and_started_again(vllm_pod: Backend) -> None:
    pod, since, family = vllm_pod.pod, vllm_pod.pod.entries, vllm_pod.pod.family()
    async with vllm_pod.client() as client:
        pod.engine(CORE).suspend()
        call = long(client)
        ended = await heard(pod, "engine.gone", since)
        await gone(family)
        answered = await call

    assert "hangs" in ended["problem"]
    assert answered.usage.completion_tokens == LONG_TOKENS


async def test_sigterm_lets_the_calls_under_way_end_and_leaves_nothing_behind(vllm_pod: Backend) -> None:
    async with vllm_pod.client() as client:
        elsewhere = await ask(client)
    with vllm_backend() as backend:
        family = backend.pod.family()
        async with backend.client() as client:
            here = await ask(client)
            call = long(client)
            await begun(backend.pod)
            backend.pod.signal(signal.SIGTERM)
            answered = await call
        status = await asyncio.to_thread(backend.pod.status)
        await gone(family)

    assert answered.usage.completion_tokens == LONG_TOKENS
    assert status == 0
    # Another pod of the same settings: another process, the same revision.
    assert here.revision == elsewhere.revision
    assert here.texts == elsewhere.texts


async def test_a_pod_that_is_killed_takes_its_engine_with_it() -> None:
    require_vllm()
    with pod_process(engine_environment()) as pod:
        await assert_eventually(lambda: has_core(pod), timeout_seconds=START_SECONDS)
        family = pod.family()
        pod.signal(signal.SIGKILL)
        await gone(family)

    assert len(family) > 2


def has_core(pod: PodProcess) -> None:
    names = [" ".join(process.cmdline()) for process in pod.family()]
    assert any(CORE in name for name in names), names
