"""Runs workflows through the real sandbox, for tests."""

from collections.abc import AsyncIterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace
from typing import Any

from graftwork.contracts.workflows import Workflow
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import AskModel
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Runtime
from graftwork_runner.sandbox import SeedInput

PROMPTS = {"draft": "Write about {{ topic }}.", "facts": "Give the facts of {{ topic }} as JSON."}
SEEDS = tuple({"topic": f"topic {index}"} for index in range(4))
LIMITS = Limits(turn_seconds=1.0, memory_bytes=64 * 1024 * 1024)


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
    """Makes benches; runtimes to come pass the same tests from here."""

    @asynccontextmanager
    async def open(self, processes: int = 4, **limits: Any) -> AsyncIterator[Bench]:
        """A bench with these limits in place of the usual ones."""
        runtime = MontyRuntime(replace(LIMITS, **limits), processes=processes)
        await runtime.start()
        try:
            yield Bench(runtime)
        finally:
            await runtime.close()
