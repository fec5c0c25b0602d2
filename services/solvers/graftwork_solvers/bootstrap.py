"""Wires a pod, runs it, and takes it down in order."""

import asyncio
from dataclasses import dataclass

import grpc.aio
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from graftwork.kit.clock import Clock
from graftwork.kit.clock import SystemClock
from graftwork.kit.errors import PortTaken
from graftwork.kit.http import HttpServer
from graftwork.kit.http import Readiness
from graftwork.kit.http import health_app
from graftwork.kit.logging import get_logger
from graftwork.models.channels import SERVICE
from graftwork.models.channels import server_options
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.canary import Canary
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.health import Health
from graftwork_solvers.limit import Limit
from graftwork_solvers.pools import Pools
from graftwork_solvers.servicer import SolversServicer
from graftwork_solvers.settings import SolversSettings
from graftwork_solvers.solver import Solver

log = get_logger(__name__)


@dataclass(frozen=True)
class Pod:
    """The parts of a running pod, and the ports it listens on."""

    server: grpc.aio.Server
    health: Health
    readiness: Readiness
    http: HttpServer
    grpc_port: int


def build(settings: SolversSettings, endpoint: Endpoint, clock: Clock) -> Pod:
    """Bind the ports and wire the parts; nothing runs yet. Raises ``PortTaken``."""
    pools = Pools(settings.pools, endpoint)
    gate = Gate(
        Limit(settings.solvers_first_concurrency, settings.solvers_concurrency),
        settings.solvers_queue_length,
        retry_seconds=settings.solvers_overload_retry_seconds,
    )
    health = Health(endpoint, pools, clock, _canary(settings, endpoint, pools, clock))
    readiness = Readiness()
    readiness.watch("endpoint", health.ping)
    server = _grpc_server(settings, Solver(pools, endpoint, gate), health)
    grpc_port = _bind(server, settings.solvers_host, settings.solvers_port)
    http = HttpServer(health_app(readiness), settings.http_host, settings.http_port)
    return Pod(server, health, readiness, http, grpc_port)


def _canary(settings: SolversSettings, endpoint: Endpoint, pools: Pools, clock: Clock) -> Canary | None:
    if not settings.solvers_canary_seconds:
        return None
    return Canary(
        endpoint,
        pools,
        clock,
        pool=next(iter(settings.pools)),
        every_seconds=settings.solvers_canary_seconds,
        longest_seconds=settings.solvers_canary_longest_seconds,
    )


def _grpc_server(settings: SolversSettings, solver: Solver, health: Health) -> grpc.aio.Server:
    # No maximum_concurrent_rpcs: it would count health watches too, and the gate says when to come back.
    options = server_options(
        connection_age_seconds=settings.solvers_connection_age_seconds,
        connection_grace_seconds=settings.solvers_longest_call_seconds,
    )
    server = grpc.aio.server(options=options)
    servicer = SolversServicer(solver, longest_call_seconds=settings.solvers_longest_call_seconds)
    solvers_pb2_grpc.add_SolversServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    reflection.enable_server_reflection((SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
    return server


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise PortTaken(f"port {port} on {host} is taken: stop what listens there, or choose another") from error


async def run(
    settings: SolversSettings,
    stop: asyncio.Event,
    started: asyncio.Future[Pod] | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a pod until ``stop`` is set; ``started`` tells its ports once it listens. Raises ``PortTaken``."""
    clock = clock or SystemClock()
    endpoint = open_endpoint(settings)
    try:
        pod = build(settings, endpoint, clock)
        with pod.http:
            await _live(pod, settings, clock, stop, started)
    finally:
        await endpoint.close()
        log.info("service.stopped")


async def _live(
    pod: Pod, settings: SolversSettings, clock: Clock, stop: asyncio.Event, started: asyncio.Future[Pod] | None
) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(pod.http.serve())
        looking = settings.solvers_probe_seconds > 0
        await pod.health.begin(looking=looking)
        watch = group.create_task(pod.health.watch(settings.solvers_probe_seconds)) if looking else None
        await pod.server.start()
        log.info("service.started", grpc_port=pod.grpc_port, http_port=pod.http.port, endpoint=str(settings.base_url))
        if started is not None:
            started.set_result(pod)
        await stop.wait()
        await _drain(pod, settings, clock)
        if watch is not None:
            watch.cancel()
        pod.http.stop()


async def _drain(pod: Pod, settings: SolversSettings, clock: Clock) -> None:
    """Not ready, then no new calls once clients have seen it, then the calls under way end, bounded."""
    log.info("service.draining")
    pod.readiness.draining = True
    await pod.health.leave()
    await clock.sleep(settings.solvers_propagation_seconds)
    await pod.server.stop(grace=settings.drain_seconds)
