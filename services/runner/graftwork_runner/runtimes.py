"""The runtimes of this runner, by the name that a job gives."""

from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AsyncExitStack

from graftwork.contracts.runtimes import WorkflowRuntime
from graftwork.kit.runtimes import SETTING
from graftwork.kit.runtimes import not_allowed
from graftwork_runner.errors import RuntimeRefused
from graftwork_runner.errors import SandboxDown
from graftwork_runner.sandbox import Runtime

NO_WALL = f"runtime 'cpython' needs a wall of the machine around it, and none stands here, though {SETTING} allows it"


class Runtimes:
    """Those that were started. ``missing``: why others, though allowed, were not."""

    def __init__(
        self, started: Mapping[WorkflowRuntime, Runtime], missing: Mapping[WorkflowRuntime, str] | None = None
    ) -> None:
        self._started = started
        self._missing = missing or {}

    def of(self, name: WorkflowRuntime) -> Runtime:
        """The runtime of that name. Raises ``RuntimeRefused``."""
        found = self._started.get(name)
        if found is None:
            raise RuntimeRefused(self._missing.get(name) or not_allowed(name, self.names))
        return found

    @property
    def names(self) -> Sequence[WorkflowRuntime]:
        """Those that can be used."""
        return [*self._started]

    @property
    def walls(self) -> Mapping[WorkflowRuntime, tuple[str, ...]]:
        """Walls around each, innermost first."""
        return {name: runtime.walls for name, runtime in self._started.items()}

    async def start(self) -> None:
        """Start all, or leave none behind. Raises ``SandboxDown``, also if there is none to start."""
        if not self._started:
            raise SandboxDown(f"no runtime can be started: {'; '.join(self._missing.values()) or 'none is allowed'}")
        async with AsyncExitStack() as undoing:
            for runtime in self._started.values():
                await runtime.start()
                undoing.push_async_callback(runtime.close)
            undoing.pop_all()

    async def close(self) -> None:
        """Close all, whatever becomes of one."""
        async with AsyncExitStack() as closing:
            for runtime in self._started.values():
                closing.push_async_callback(runtime.close)

    async def ping(self) -> None:
        """Prove that each could run something. Raises ``SandboxDown``."""
        for runtime in self._started.values():
            await runtime.ping()
