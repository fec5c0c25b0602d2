"""Wires the engine of a pod with the backend ``vllm``."""

import os
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from graftwork.kit.clock import Clock
from graftwork.kit.errors import PermanentError
from graftwork.kit.logging import get_logger
from graftwork_solvers.endpoint.client import Endpoint
from graftwork_solvers.endpoint.hosts import ENGINE_URL
from graftwork_solvers.engine.command import engine_command
from graftwork_solvers.engine.command import engine_environment
from graftwork_solvers.engine.command import engine_identity
from graftwork_solvers.engine.command import engine_traces
from graftwork_solvers.engine.door import EngineDoor
from graftwork_solvers.engine.door import private_directory
from graftwork_solvers.engine.door import swept
from graftwork_solvers.engine.door import transport_to
from graftwork_solvers.engine.process import EngineProcess
from graftwork_solvers.engine.process import running_engine
from graftwork_solvers.engine.supervisor import Engine
from graftwork_solvers.engine.supervisor import Patience
from graftwork_solvers.settings import SolversSettings

log = get_logger(__name__)

_PROBES = 8
_IDLE_SECONDS = 4.0
_A_WORD = {"type": "object", "properties": {"word": {"enum": ["yes", "no"]}}, "required": ["word"]}


@dataclass(frozen=True)
class OwnEngine:
    """An engine, and the two ways to ask it."""

    engine: Engine
    door: EngineDoor
    endpoint: Endpoint


@contextmanager
def own_engine(settings: SolversSettings, clock: Clock) -> Iterator[OwnEngine]:
    """The engine that the settings describe; nothing runs yet. Its socket goes with the block."""
    with private_directory() as directory:
        socket = f"{directory}/engine"
        transport = transport_to(socket, settings.solvers_concurrency + _PROBES, idle_seconds=_IDLE_SECONDS)
        endpoint, door = Endpoint(transport, f"{ENGINE_URL}/v1"), EngineDoor(transport)
        engine = Engine(
            _launcher(settings, directory, socket), door, _warmer(settings, endpoint, door), clock, _patience(settings)
        )
        yield OwnEngine(engine, door, endpoint)


def _patience(settings: SolversSettings) -> Patience:
    return Patience(
        start_seconds=settings.solvers_vllm_start_seconds,
        shutdown_seconds=settings.solvers_vllm_shutdown_seconds,
        restart_seconds=settings.solvers_vllm_restart_seconds,
        longest_restart_seconds=settings.solvers_vllm_longest_restart_seconds,
    )


def _launcher(
    settings: SolversSettings, directory: str, socket: str
) -> Callable[[], AbstractAsyncContextManager[EngineProcess]]:
    command = engine_command(settings, socket, engine_traces(os.environ))
    environment = engine_environment(settings, os.environ, directory)

    def launch() -> AbstractAsyncContextManager[EngineProcess]:
        swept(directory)
        log.info("engine.launched", command=command)
        return running_engine(command, environment, directory)

    return launch


def _warmer(settings: SolversSettings, endpoint: Endpoint, door: EngineDoor) -> Callable[[], Awaitable[None]]:
    async def warm() -> None:
        endpoint.identity = engine_identity(settings, await door.version())
        try:
            if settings.solvers_vllm_runner == "pooling":
                await endpoint.embed(settings.engine_served_name, ("Hi",))
            else:
                await endpoint.chat(_first_chat(settings.engine_served_name), wanted=1)
        except PermanentError as error:  # a model without a chat template, say: callers shall hear that from itself
            log.warning("engine.refuses_to_warm_up", problem=str(error))

    return warm


def _first_chat(model: str) -> dict[str, Any]:
    return {
        "model": model,
        "messages": [{"role": "user", "content": "Yes or no?"}],
        "max_tokens": 16,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": _A_WORD}},
    }
