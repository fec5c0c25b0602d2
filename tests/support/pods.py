"""Solver pods inside the test's process, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from typing import NoReturn

from graftwork.kit.errors import GraftworkError
from graftwork.models.addresses import PoolAddresses
from graftwork.models.client import SolverClient
from graftwork_solvers.bootstrap import Pod
from graftwork_solvers.bootstrap import run
from graftwork_solvers.settings import SolversSettings
from tests.support.eventually import assert_eventually


def pod_settings(base_url: str, **changes: Any) -> SolversSettings:
    """Free ports, no waiting at the end."""
    quick: dict[str, Any] = {
        "solvers_port": 0,
        "http_port": 0,
        "solvers_propagation_seconds": 0.0,
        "drain_seconds": 5.0,
    }
    return SolversSettings.model_validate({"base_url": base_url, **quick, **changes})


@asynccontextmanager
async def running_pod(settings: SolversSettings, *, healthy: bool = True) -> AsyncIterator[Pod]:
    """Run a pod until the block ends, and drain it then. ``healthy``: wait until it serves."""
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(settings, stop, started))
    await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
    try:
        pod: Pod = started.result() if started.done() else await _failed(task)
        if healthy:
            await assert_eventually(lambda: _serves(pod), timeout_seconds=30)
        yield pod
    finally:
        stop.set()
        await task


async def _failed(task: asyncio.Task[None]) -> NoReturn:
    await task
    raise AssertionError("the pod ended without an error before it started")


async def _serves(pod: Pod) -> None:
    try:
        await pod.health.ping()
    except GraftworkError as problem:
        raise AssertionError(str(problem)) from problem


def client_of(*pods: Pod, **options: Any) -> SolverClient:
    """Build a client that knows these pods, and retries quickly."""
    return client_at(",".join(f"127.0.0.1:{pod.grpc_port}" for pod in pods), **options)


def client_at(addresses: str, **options: Any) -> SolverClient:
    """Build a client of these addresses (``host:port``, comma separated)."""
    quick: dict[str, Any] = {"backoff_seconds": 0.02, "unavailable_attempts": 3}
    return SolverClient(PoolAddresses.everywhere(f"ipv4:{addresses}"), **{**quick, **options})
