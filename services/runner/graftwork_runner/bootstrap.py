"""The only place that wires the runner."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import AsyncExitStack

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.http import Readiness
from graftwork.kit.logging import get_logger
from graftwork.kit.service import Service
from graftwork.kit.service import open_blobs
from graftwork.kit.service import open_ledger
from graftwork.models.client import SolverClient
from graftwork.models.plane import ModelPlane
from graftwork_runner.context import runner_context
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.runtimes import NO_WALL
from graftwork_runner.runtimes import Runtimes
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
    async with AsyncExitStack() as undoing:
        wall = strongest_wall(settings.sandbox_wall)
        undoing.push_async_callback(_close, wall)
        runtimes = runtimes_behind(wall, settings)
        await runtimes.start()
        undoing.push_async_callback(runtimes.close)
        for name, walls in runtimes.walls.items():
            log.info("sandbox.started", runtime=name.value, walls=walls, processes=settings.sandbox_processes)
        plane = SolverClient.of(settings)
        service = wire(settings, plane, runtimes, closing=(runtimes.close, lambda: _close(wall), plane.close))
        undoing.pop_all()
    return service


def runtimes_behind(wall: Wall | None, settings: RunnerSettings) -> Runtimes:
    """The runtimes that the operator allows, not started yet; without a wall, never CPython."""
    allowed: dict[WorkflowRuntime, Runtime] = {}
    missing: dict[WorkflowRuntime, str] = {}
    if WorkflowRuntime.MONTY in settings.sandbox_runtimes:
        allowed[WorkflowRuntime.MONTY] = MontyRuntime(
            settings.limits,
            processes=settings.sandbox_processes,
            binary=settings.sandbox_binary,
            wall=wall,
            sessions_per_worker=settings.sandbox_sessions_per_worker,
        )
    if WorkflowRuntime.CPYTHON in settings.sandbox_runtimes and wall is None:
        log.error("runtime.refused", runtime="cpython", reason=NO_WALL)
        missing[WorkflowRuntime.CPYTHON] = NO_WALL
    elif WorkflowRuntime.CPYTHON in settings.sandbox_runtimes and wall is not None:
        allowed[WorkflowRuntime.CPYTHON] = CPythonRuntime(
            settings.limits,
            wall=wall,
            home=settings.sandbox_home,
            processes=settings.sandbox_processes,
            spares=settings.sandbox_spares,
            wheels=settings.sandbox_wheels,
        )
    return Runtimes(allowed, missing)


def wire(settings: RunnerSettings, plane: ModelPlane, runtimes: Runtimes, *, closing: Closing = ()) -> Service:
    """Put the service together around its ports."""
    readiness = Readiness(walls=runtimes.walls)
    readiness.watch("sandbox", runtimes.ping)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, router.service),
        blobs=open_blobs(settings),
        context=runner_context(plane, runtimes, settings),
        readiness=readiness,
        closing=closing,
    )


async def _close(wall: Wall | None) -> None:
    if wall is not None:
        wall.close()
