"""All servers the services need, started side by side on this machine and stopped together."""

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import AsyncExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from graftwork.local.errors import HomeInUse
from graftwork.local.groups import plainly
from graftwork.local.kafka import kafka_server
from graftwork.local.model import model_server
from graftwork.local.mongo import mongo_server
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import Starter
from graftwork.local.server import silent
from graftwork.local.settings import LocalSettings


@dataclass(frozen=True)
class ServerAddresses:
    """Where the servers are.

    Attributes:
        kafka: bootstrap servers, ``host:port``.
        mongo: URL of a replica set.
        openai_base_url: an OpenAI-compatible endpoint, up to ``/v1``; None where the solvers have their own engine.
        tiny_model: whether that is our own, with ``model.TINY_MODEL`` the one model behind it.
    """

    kafka: str
    mongo: str
    openai_base_url: str | None
    tiny_model: bool


class LocalServers:
    """The servers as an async context manager; addresses given in the settings win over starting anything.

    On entry all are ready, or none is left running and the first mistake is raised. On exit they are
    stopped, the last ready first.

    Args:
        home: data directory; what the servers keep there outlives a restart.
        settings: read from the environment where None.
        on_progress: takes one readable line per step.

    Raises:
        LocalServerError: on entry, where a server cannot be had.
    """

    def __init__(self, home: Path, *, settings: LocalSettings | None = None, on_progress: Progress = silent) -> None:
        self._home = home
        self._settings = settings or LocalSettings()
        self._on_progress = on_progress
        self._stack = AsyncExitStack()
        self._servers: list[Server] = []

    async def __aenter__(self) -> ServerAddresses:
        try:
            self._stack.enter_context(_sole_user(self._home))
            return await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def servers(self) -> tuple[Server, ...]:
        """What is ready so far, in the order it became so."""
        return tuple(self._servers)

    async def watch(self) -> NoReturn:
        """Watch the servers that are ours; to be cancelled before they are stopped.

        Raises:
            ServerDied: one of them ended by itself.
        """
        with plainly():
            async with asyncio.TaskGroup() as group:
                for server in self._servers:
                    if server.process is not None:
                        group.create_task(server.process.watch())
                await asyncio.Event().wait()
        raise AssertionError("unreachable: the event is never set")

    async def _start(self) -> ServerAddresses:
        given = self._settings
        with plainly():
            async with asyncio.TaskGroup() as group:
                kafka = group.create_task(self._enter(kafka_server, "kafka", given.kafka))
                mongo = group.create_task(self._enter(mongo_server, "mongo", given.mongo))
                model = group.create_task(self._model())
        endpoint = model.result()
        return ServerAddresses(
            kafka=kafka.result().address,
            mongo=mongo.result().address,
            openai_base_url=endpoint.address if endpoint else None,
            tiny_model=endpoint is not None and endpoint.process is not None,
        )

    async def _model(self) -> Server | None:
        if self._settings.solvers_backend == "vllm":
            return None
        return await self._enter(model_server, "model", self._settings.openai_base_url)

    async def _enter(self, starter: Starter, name: str, address: str | None) -> Server:
        starting = starter(self._home / name, address, settings=self._settings, on_progress=self._on_progress)
        server = await self._stack.enter_async_context(starting)
        self._servers.append(server)
        whose = "" if server.process else " (given)"
        self._on_progress(f"{server.name} is ready at {server.address}{whose}")
        return server


@contextmanager
def _sole_user(home: Path) -> Iterator[None]:
    """Hold the directory for this process; the lock goes with it, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(home) from None
        yield
