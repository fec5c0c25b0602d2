"""The only place that wires the runner."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence

from graftwork.kit.blobs import Blobs
from graftwork.kit.http import Readiness
from graftwork.kit.logging import get_logger
from graftwork.kit.service import Service
from graftwork.kit.service import open_ledger
from graftwork.models.client import SolverClient
from graftwork.models.plane import ModelPlane
from graftwork_runner.context import runner_context
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Runtime
from graftwork_runner.settings import RunnerSettings
from graftwork_runner.tasks import router
from graftwork_runner.walls import Wall
from graftwork_runner.walls import strongest_wall

log = get_logger(__name__)
Closing = Sequence[Callable[[], Awaitable[None]]]


async def build(settings: RunnerSettings) -> Service:
    """Build the service and start its sandbox; other connections are made when it runs.

    Raises ``SandboxDown``, and ``WallDown`` if a wall was asked for by name and does not stand.
    """
    wall = strongest_wall(settings.sandbox_wall)
    runtime = MontyRuntime(
        settings.limits, processes=settings.sandbox_processes, binary=settings.sandbox_binary, wall=wall
    )
    await runtime.start()
    log.info("sandbox.started", walls=runtime.walls, processes=settings.sandbox_processes)
    plane = SolverClient(settings.pools, calls_per_pool=settings.model_calls_per_pool)
    return wire(settings, plane, runtime, closing=(runtime.close, lambda: _close(wall), plane.close))


def wire(settings: RunnerSettings, plane: ModelPlane, runtime: Runtime, *, closing: Closing = ()) -> Service:
    """Put the service together around its two ports."""
    readiness = Readiness(walls=runtime.walls)
    readiness.watch("sandbox", runtime.ping)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, router.service),
        blobs=Blobs.open(settings.blobs),
        context=runner_context(plane, runtime, settings),
        readiness=readiness,
        closing=closing,
    )


async def _close(wall: Wall | None) -> None:
    if wall is not None:
        wall.close()
