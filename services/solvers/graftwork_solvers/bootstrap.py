"""Wires a pod, runs it, and takes it down in order."""

import asyncio
from collections.abc import Coroutine
from collections.abc import Iterator
from contextlib import nullcontext
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
from graftwork.kit.loop_lag import watch_loop
from graftwork.models.channels import SERVICE
from graftwork.models.channels import server_options
from graftwork.models.credentials import server_credentials
from graftwork.models.plane import ModelPlane
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.admission.gate import Gate
from graftwork_solvers.admission.limit import Limit
from graftwork_solvers.decoding import Decoding
from graftwork_solvers.endpoint.client import Endpoint
from graftwork_solvers.endpoint.client import open_endpoint
from graftwork_solvers.engine.plane import EnginePlane
from graftwork_solvers.engine.watch import EngineWatch
from graftwork_solvers.engine.wiring import OwnEngine
from graftwork_solvers.engine.wiring import own_engine
from graftwork_solvers.health.canary import Canary
from graftwork_solvers.health.looks import Health
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
    own: OwnEngine | None = None
    engine_watch: EngineWatch | None = None


def build(settings: SolversSettings, endpoint: Endpoint, clock: Clock, own: OwnEngine | None = None) -> Pod:
    """Bind the ports and wire the parts; nothing runs yet. Raises ``PortTaken``."""
    pools = Pools(settings.pools, endpoint)
    gate = Gate(
        Limit(settings.solvers_first_concurrency, settings.solvers_concurrency),
        settings.solvers_queue_length,
        retry_seconds=settings.solvers_overload_retry_seconds,
    )
    engine = own.engine if own else None
    health = Health(endpoint, pools, clock, _canary(settings, endpoint, pools, clock), engine)
    readiness = Readiness()
    readiness.watch("engine" if own else "endpoint", health.ping)
    plane: ModelPlane = Solver(pools, endpoint, gate)
    server = _grpc_server(settings, EnginePlane(plane, engine) if engine else plane, health)
    grpc_port = _bind(server, settings)
    watch = EngineWatch(own.door, gate, clock) if own else None
    http = HttpServer(
        health_app(readiness, further_metrics=watch.metrics if watch else None), settings.http_host, settings.http_port
    )
    return Pod(server, health, readiness, http, grpc_port, own, watch)


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
        embeds=settings.solvers_backend == "vllm" and settings.solvers_vllm_runner == "pooling",
    )


def _grpc_server(settings: SolversSettings, plane: ModelPlane, health: Health) -> grpc.aio.Server:
    # No maximum_concurrent_rpcs: it would count health watches too, and the gate says when to come back.
    options = server_options(
        connection_age_seconds=settings.solvers_connection_age_seconds,
        connection_grace_seconds=settings.solvers_longest_call_seconds,
    )
    server = grpc.aio.server(options=options, interceptors=(Decoding(),))
    servicer = SolversServicer(plane, longest_call_seconds=settings.solvers_longest_call_seconds)
    solvers_pb2_grpc.add_SolversServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    reflection.enable_server_reflection((SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME), server)
    return server


def _bind(server: grpc.aio.Server, settings: SolversSettings) -> int:
    host, port, files = settings.solvers_host, settings.solvers_port, settings.grpc_files
    try:
        if files is not None:
            return server.add_secure_port(f"{host}:{port}", server_credentials(files))
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
    with own_engine(settings, clock) if settings.solvers_backend == "vllm" else nullcontext() as own:
        endpoint = own.endpoint if own else open_endpoint(settings)
        try:
            pod = build(settings, endpoint, clock, own)
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
        watches = _watches(pod, settings.solvers_probe_seconds)
        tasks = [group.create_task(watch) for watch in watches]
        await pod.server.start()
        log.info("service.started", grpc_port=pod.grpc_port, http_port=pod.http.port, endpoint=_told_endpoint(settings))
        if started is not None:
            started.set_result(pod)
        await stop.wait()
        await _drain(pod, settings, clock)
        for task in tasks:
            task.cancel()
        pod.http.stop()


def _watches(pod: Pod, probe_seconds: float) -> Iterator[Coroutine[None, None, None]]:
    """What goes on beside the calls, for ever."""
    yield watch_loop()
    if probe_seconds > 0:
        yield pod.health.watch(probe_seconds)
    if pod.own is not None and pod.engine_watch is not None:
        yield pod.own.engine.run(pod.health.engine_is)
        yield pod.engine_watch.run()


def _told_endpoint(settings: SolversSettings) -> str:
    return str(settings.base_url) if settings.solvers_backend == "openai" else f"vllm serve {settings.engine_model}"


async def _drain(pod: Pod, settings: SolversSettings, clock: Clock) -> None:
    """Not ready; no new calls once clients have seen it; calls under way end, bounded, and the engine after them."""
    log.info("service.draining")
    pod.readiness.draining = True
    await pod.health.leave()
    await clock.sleep(settings.solvers_propagation_seconds)
    await pod.server.stop(grace=settings.drain_seconds)
    if pod.own is not None:
        await pod.own.engine.stop()
