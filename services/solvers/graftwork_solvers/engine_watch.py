"""Watches how busy the engine is while it is, and tells the gate of queues inside it."""

from typing import Protocol

from graftwork.kit.clock import Clock
from graftwork.kit.errors import DependencyDown
from graftwork_solvers.engine_load import Backlog
from graftwork_solvers.engine_load import EngineLoad
from graftwork_solvers.engine_load import own_metrics
from graftwork_solvers.engine_load import tolerated
from graftwork_solvers.gate import Gate

_EVERY_SECONDS = 1.0


class Meters(Protocol):
    """What an engine tells about itself. Both raise ``DependencyDown``."""

    async def load(self) -> EngineLoad:
        """How busy it is."""
        ...

    async def exposition(self) -> str:
        """All its metrics."""
        ...


class EngineWatch:
    """Looks at the meters every second while calls are under way."""

    def __init__(self, meters: Meters, gate: Gate, clock: Clock) -> None:
        self._meters = meters
        self._gate = gate
        self._clock = clock
        self._backlog = Backlog()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(_EVERY_SECONDS)
            if self._gate.busy:
                await self.look()

    async def look(self) -> None:
        """Look once. An engine that does not answer is the business of others."""
        try:
            load = await self._meters.load()
        except DependencyDown:
            return
        if self._backlog.is_long(load):
            self._gate.queued(load.running + tolerated(load.running))

    async def metrics(self) -> str:
        """The engine's own metrics, to be passed on; empty while it does not answer."""
        try:
            return own_metrics(await self._meters.exposition())
        except DependencyDown:
            return ""
