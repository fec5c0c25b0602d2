"""The pod as its operator meets it: a process with an environment, signals and an exit status."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.integration.solvers.test_pod import Held
from tests.integration.solvers.test_pod import asking
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import client_at
from tests.support.pods import pod_settings
from tests.support.pods import running_pod


async def started_process(**environment: str) -> asyncio.subprocess.Process:
    quick = {
        "GRAFTWORK_SOLVERS_PORT": "0",
        "GRAFTWORK_HTTP_PORT": "0",
        "GRAFTWORK_SOLVERS_PROPAGATION_SECONDS": "0",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "graftwork_solvers",
        env={**os.environ, **quick, **environment},
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def pod_process(**environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A running pod and the port it told in its log."""
    process = await started_process(**environment)
    assert process.stderr is not None
    try:
        async for line in process.stderr:
            entry = json.loads(line)
            if entry["event"] == "service.started":
                yield process, entry["grpc_port"]
                return
        raise AssertionError("the pod ended before it served")
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_sigterm_ends_what_was_begun_and_exits_cleanly() -> None:
    held = Held()
    async with (
        running_endpoint(held.chat) as endpoint,
        pod_process(OPENAI_BASE_URL=endpoint.url) as (process, port),
        client_at(f"127.0.0.1:{port}", unavailable_attempts=99) as client,
    ):
        call = asyncio.ensure_future(client.generate(asking("begun"), timeout_seconds=60))
        await assert_eventually(lambda: held.hears("begun"), timeout_seconds=30)
        process.send_signal(signal.SIGTERM)
        held.release.set()
        generation = await call
        status, said = await ended(process)

    assert generation.texts == ("begun",)
    assert status == 0
    assert "service.draining" in said
    assert "Traceback" not in said


async def test_a_second_signal_ends_it_at_once() -> None:
    held = Held()
    async with (
        running_endpoint(held.chat) as endpoint,
        pod_process(OPENAI_BASE_URL=endpoint.url) as (process, port),
        client_at(f"127.0.0.1:{port}", unavailable_attempts=99) as client,
    ):
        call = asyncio.ensure_future(client.generate(asking("endless"), timeout_seconds=60))
        await assert_eventually(lambda: held.hears("endless"), timeout_seconds=30)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        async for line in process.stderr:
            if b"service.draining" in line:
                break
        process.send_signal(signal.SIGTERM)
        status, said = await ended(process)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    assert status == 1
    assert "ended at once" in said


async def test_a_taken_port_is_one_line() -> None:
    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod:
        process = await started_process(OPENAI_BASE_URL=endpoint.url, GRAFTWORK_SOLVERS_PORT=str(pod.grpc_port))
        status, said = await ended(process)

    assert status == 1
    assert f"port {pod.grpc_port} on 127.0.0.1 is taken" in said
    assert "Traceback" not in said
