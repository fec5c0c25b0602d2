"""Runs workflows through the real sandbox, for tests: in any of its runtimes, which all pass the same ones."""

import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from graftwork.contracts.workflows import Workflow
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Runtime
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.walls import WallChoice
from tests.support.walls import needs_bwrap
from tests.support.walls import standing
from tests.support.walls import the_strongest

PROMPTS = {"draft": "Write about {{ topic }}.", "facts": "Give the facts of {{ topic }} as JSON."}
SEEDS = tuple({"topic": f"topic {index}"} for index in range(4))
LIMITS = Limits(turn_seconds=1.0, memory_bytes=64 * 1024 * 1024)
CPYTHON = pytest.param("cpython", marks=needs_bwrap)
every_runtime = pytest.mark.parametrize("runtime", ["monty", CPYTHON], indirect=True)
"""For tests of what all runtimes have in common."""
only_cpython = pytest.mark.parametrize("runtime", [CPYTHON], indirect=True)
_STALE_SECONDS = 24 * 3600


async def echo(call: ModelCall) -> str:
    """The simplest model: it says what it was asked, and how often."""
    return '{"fact": "%s"}' % call.text if call.wants_json else f"{call.text} #{call.occurrence}"  # noqa: UP031 - braces


@dataclass
class Bench:
    """A started runtime, and everything it asked the model."""

    runtime: Runtime
    calls: list[ModelCall] = field(default_factory=list)

    async def run(
        self,
        code: str,
        *,
        ask: AskModel = echo,
        seeds: Sequence[Mapping[str, Any]] = SEEDS,
        prompts: Mapping[str, str] | None = None,
        seconds: float = 60,
    ) -> ChunkResult:
        """Run ``code`` over ``seeds``."""

        async def noted(call: ModelCall) -> str:
            self.calls.append(call)
            return await ask(call)

        workflow = Workflow(prompts=PROMPTS if prompts is None else prompts, code=code)
        inputs = [SeedInput(index, seed) for index, seed in enumerate(seeds)]
        return await self.runtime.run(Chunk(workflow, inputs, entropy="job:7", seconds=seconds), noted)


class Benches:
    """Makes benches of the ``runtime`` of that name; ``wall``: around it, where it needs one."""

    def __init__(self, runtime: str = "monty", wall: WallChoice = "bubblewrap") -> None:
        self.runtime = runtime
        self._wall = wall

    @asynccontextmanager
    async def open(self, processes: int = 4, **limits: Any) -> AsyncIterator[Bench]:
        """A bench with these limits in place of the usual ones."""
        runtime = self._runtime(replace(LIMITS, **limits), processes)
        await runtime.start()
        try:
            yield Bench(runtime)
        finally:
            await runtime.close()

    def _runtime(self, limits: Limits, processes: int) -> Runtime:
        if self.runtime == "monty":
            return MontyRuntime(limits, processes=processes, wall=the_strongest())
        return CPythonRuntime(limits, wall=standing(self._wall), home=trees(), processes=processes)


@cache
def trees() -> Path:
    """Where interpreters for workflows are kept from one run of the tests to the next, for they take a while to make.

    Those of long ago are removed.
    """
    home = Path(tempfile.gettempdir(), f"graftwork-trees-of-tests-{os.geteuid()}")
    home.mkdir(mode=0o755, exist_ok=True)
    for tree in home.iterdir():
        if tree.stat().st_mtime < time.time() - _STALE_SECONDS:
            shutil.rmtree(tree, ignore_errors=True)
    return home
