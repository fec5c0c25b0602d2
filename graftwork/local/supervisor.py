"""A whole platform on one machine: the servers, and every service as a process that is kept alive."""

import asyncio
import os
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import httpx

from graftwork.local.endpoint import listed_models
from graftwork.local.groups import plainly
from graftwork.local.kept import KeptProcess
from graftwork.local.platform import LocalServers
from graftwork.local.platform import ServerAddresses
from graftwork.local.ports import HOST
from graftwork.local.ports import preferred_ports
from graftwork.local.ports import require_free
from graftwork.local.process import OwnedProcess
from graftwork.local.server import Progress
from graftwork.local.server import accepts
from graftwork.local.server import silent
from graftwork.local.services import GATEWAY
from graftwork.local.services import SERVICES
from graftwork.local.services import SOLVERS
from graftwork.local.services import PlatformSettings
from graftwork.local.services import Wiring
from graftwork.local.services import command_of
from graftwork.local.services import environment_of
from graftwork.local.services import operator_environment
from graftwork.local.services import read_settings
from graftwork.local.services import require_installed
from graftwork.local.state import OPERATOR
from graftwork.local.state import PlatformState
from graftwork.local.state import first_key
from graftwork.local.state import remove_environment
from graftwork.local.state import write_environment

PROBE_TIMEOUT_SECONDS = 5.0
PROBE_INTERVAL_SECONDS = 0.2


class Platform:
    """The platform as an async context manager.

    On entry everything is ready and the state file is written, or nothing is left running and the first
    mistake is raised. On exit the services are stopped, then the servers. Data outlives both: the next
    platform on the same ``home`` goes on with unfinished jobs.

    Args:
        home: data directory.
        settings: read from the environment where None.
        without: services that somebody else runs, in a debugger say; their settings are written down for that.
        on_progress: takes one readable line per step.

    Raises:
        LocalServerError: on entry, where something cannot be had.
    """

    def __init__(
        self,
        home: Path,
        *,
        settings: PlatformSettings | None = None,
        without: Collection[str] = (),
        on_progress: Progress = silent,
    ) -> None:
        self._home = home
        self._names = tuple(name for name in SERVICES if name not in without)
        self._settings = settings or read_settings()
        self._on_progress = on_progress
        self._servers = LocalServers(home, settings=self._settings, on_progress=on_progress)
        self._services: list[KeptProcess] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> PlatformState:
        require_installed()
        if PlatformState.read(self._home) is None and self._settings.gateway_port:  # else it is that one's port
            require_free([self._settings.gateway_port], "the gateway (GRAFTWORK_GATEWAY_PORT)")
        try:
            return await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def watch(self) -> NoReturn:
        """Start services again that end; to be cancelled before the platform is left.

        Raises:
            ServerDied: a server ended, without which nothing goes on.
            ServiceGaveUp: a service ended again and again.
        """
        with plainly():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._servers.watch())
                for service in self._services:
                    group.create_task(service.keep())
                await asyncio.Event().wait()
        raise AssertionError("unreachable: the event is never set")

    async def _start(self) -> PlatformState:
        addresses = await self._stack.enter_async_context(self._servers)
        *http_ports, grpc_port = preferred_ports(self._home / "services" / "ports.json", len(SERVICES) + 1)
        ports = dict(zip(SERVICES, http_ports, strict=True))
        wiring = Wiring(
            addresses=addresses,
            blobs=self._settings.blobs or (self._home / "blobs").as_uri(),
            http_ports={**ports, GATEWAY: self._settings.gateway_port or ports[GATEWAY]},
            solvers_port=grpc_port,
            first_key=first_key(self._home),
            models=await self._listed_models(addresses),
        )
        await self._start_services(wiring)
        state = PlatformState(url=wiring.url, api_key=wiring.first_key, pid=os.getpid())
        state.write(self._home)
        self._stack.callback(PlatformState.remove, self._home)
        return state

    async def _listed_models(self, addresses: ServerAddresses) -> tuple[str, ...]:
        if addresses.tiny_model or addresses.openai_base_url is None:
            return ()
        return await listed_models(addresses.openai_base_url, self._settings.openai_api_key)

    async def _start_services(self, wiring: Wiring) -> None:
        http = await self._stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=PROBE_TIMEOUT_SECONDS))
        by_hand = {
            name: environment_of(name, wiring, self._settings, inherited=_ours(os.environ))
            for name in set(SERVICES) - set(self._names)
        }
        for name, environment in {**by_hand, OPERATOR: operator_environment(wiring)}.items():
            self._stack.callback(remove_environment, self._home, name)  # a key may be among it
            write_environment(self._home, name, environment)
        self._services = [self._service(name, wiring, http) for name in self._names]
        self._stack.push_async_callback(self._stop_services)
        self._on_progress(f"Starting {', '.join(self._names)}")
        if self._settings.solvers_backend == "vllm" and SOLVERS in self._names:
            self._on_progress("The solvers load a model into a vLLM of their own, which takes a minute or more")
        with plainly():
            async with asyncio.TaskGroup() as group:
                for service in self._services:
                    group.create_task(service.start())

    async def _stop_services(self) -> None:
        self._on_progress("Stopping the services")
        await asyncio.gather(*(service.stop() for service in self._services))
        self._on_progress("Stopping the servers")

    def _service(self, name: str, wiring: Wiring, http: httpx.AsyncClient) -> KeptProcess:
        port = wiring.http_ports[name]
        process = OwnedProcess(
            name,
            command_of(name),
            log_path=self._home / "logs" / f"{name}.log",
            env=environment_of(name, wiring, self._settings),
            cwd=self._home,
            ports=(port, wiring.solvers_port) if name == SOLVERS else (port,),
            stop_timeout_seconds=self._settings.stop_timeout_seconds,
            min_free_disk_mib=self._settings.min_free_disk_mib,
        )
        return KeptProcess(
            process,
            _readiness(http, port),
            start_timeout_seconds=self._settings.start_seconds(name),
            on_progress=self._on_progress,
        )


def _readiness(http: httpx.AsyncClient, port: int) -> Callable[[], Awaitable[bool]]:
    """Return what asks a service whether it is ready, at a pace that leaves it the time to become so."""

    async def ready() -> bool:
        await asyncio.sleep(PROBE_INTERVAL_SECONDS)
        if not await accepts(HOST, port):  # a fraction of the cost of a request that fails
            return False
        try:
            answer = await http.get(f"http://{HOST}:{port}/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == HTTPStatus.OK

    return ready


def _ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("GRAFTWORK_")}
