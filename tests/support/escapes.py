"""Makes attempts at escape in the real runtimes of the runner, and says how each was refused."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from graftwork.contracts.workflows import Workflow
from graftwork_runner.checks import judge
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.cpython.tree import own_library
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Runtime
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.strict_json import JsonLimits
from graftwork_runner.walls import Wall
from tests.support.canaries import Canaries
from tests.support.probes import ALL_IN_ONE
from tests.support.probes import ALL_SAMPLES
from tests.support.probes import IN_GUEST
from tests.support.probes import THROUGH
from tests.support.probes import Line
from tests.support.probes import Place
from tests.support.probes import Probe
from tests.support.probes import as_workflow
from tests.support.probes import verdict
from tests.support.walls import standing
from tests.support.walls import the_strongest
from tests.support.workflow_bench import trees

_PROMPTS = {"draft": "Write about {{ topic }}."}
_LIMITS = Limits(turn_seconds=1.0, memory_bytes=64 << 20)
_CHUNK_SECONDS = 120.0
_AT_ONCE = 3
_ANSWER = "An answer of the model, in words that nobody else would have found for it on that day."
_ANY_OBJECT = {"type": "object"}


@dataclass(frozen=True)
class Trial:
    """A runtime behind its wall, and the canaries around it."""

    place: Place
    runtime: Runtime
    canaries: Canaries

    async def verdicts(self, line: Line) -> dict[str, str]:
        """Probe -> how it was refused, in a word, or ``THROUGH``."""
        probes = [probe for probe in line.probes if probe.tried_in(self.place)]
        found = await self._together([probe for probe in probes if self._with_others(probe)])
        apart = [probe for probe in probes if not self._with_others(probe)]
        words = await asyncio.gather(*map(self._alone, apart))
        found |= {probe.name: word for probe, word in zip(apart, words, strict=True)}
        if self.canaries.traces:
            found["somebody"] = f"{THROUGH}: {self.canaries.traces}"
        return {probe.name: found.pop(probe.name) for probe in probes} | found

    def _with_others(self, probe: Probe) -> bool:
        """Monty looks at a module as a whole, so each attempt there is one."""
        return not probe.alone and self.place != "monty"

    async def _together(self, probes: Sequence[Probe]) -> dict[str, str]:
        findings = [probe for probe in probes if not probe.sample]
        found = await self._session(ALL_IN_ONE, findings)
        found |= await self._session(ALL_SAMPLES, [probe for probe in probes if probe.sample])
        return _later(found, await self._session(ALL_IN_ONE, [probe for probe in findings if probe.then], later=True))

    async def _session(self, code: str, probes: Sequence[Probe], *, later: bool = False) -> dict[str, str]:
        if not probes:
            return {}
        seeds = [{**self.canaries.seed, "source": probe.sequel if later else probe.source} for probe in probes]
        result = await self._run(code, seeds)
        return {probe.name: self._verdict(probe, result, index) for index, probe in enumerate(probes)}

    async def _alone(self, probe: Probe) -> str:
        first = self._verdict(probe, await self._run(as_workflow(probe.source, sample=probe.sample), [self._seed]), 0)
        if not probe.then:
            return first
        second = self._verdict(probe, await self._run(as_workflow(probe.sequel), [self._seed]), 0)
        return _later({probe.name: first}, {probe.name: second})[probe.name]

    @property
    def _seed(self) -> dict[str, Any]:
        return self.canaries.seed

    async def _run(self, code: str, seeds: Sequence[dict[str, Any]]) -> ChunkResult:
        inputs = [SeedInput(index, {**seed, "index": index}) for index, seed in enumerate(seeds)]
        chunk = Chunk(Workflow(prompts=_PROMPTS, code=code), inputs, entropy="job:7", seconds=_CHUNK_SECONDS)
        return await self.runtime.run(chunk, _model)

    def _verdict(self, probe: Probe, result: ChunkResult, index: int) -> str:
        outcome = result.outcomes[index]
        [row] = judge(
            [SeedInput(index, {})], [outcome], schema=_ANY_OBJECT, limits=JsonLimits(), node_id="n", code=probe.source
        )
        secrets = [*self.canaries.values.values()]
        return verdict(probe, self.place, outcome, row, trace=str(result.trace), secrets=secrets)


@asynccontextmanager
async def on_trial(place: Place, canaries: Canaries) -> AsyncIterator[Trial]:
    """The runtime of that place, with the canaries around it; skipped where its wall does not stand."""
    runtime = _runtime(place)
    await runtime.start()
    try:
        yield Trial(place, runtime, canaries)
    finally:
        await runtime.close()


def _runtime(place: Place) -> Runtime:
    if place == "monty":
        return MontyRuntime(replace(_LIMITS, turn_seconds=10.0), processes=_AT_ONCE, wall=the_strongest())
    wall: Wall = standing("gvisor" if place.startswith("gvisor") else "bubblewrap")
    wheels = [_ctypes()] if place.endswith("alone") else []
    limits = _LIMITS if wall.name == "bubblewrap" else replace(_LIMITS, turn_seconds=3.0)
    return CPythonRuntime(limits, wall=wall, home=trees(), processes=_AT_ONCE, wheels=wheels)


def _later(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """What the second session found counts, unless it found nothing; a guest that is gone may have left it nothing."""
    found = {name: f"{THROUGH}: it was kept" if word == IN_GUEST else word for name, word in second.items()}
    return {**first, **{name: word for name, word in found.items() if word.startswith(THROUGH)}}


async def _model(_call: ModelCall) -> str:
    return _ANSWER


@cache
def _ctypes() -> Path:
    """``ctypes``, which our interpreter has not, packed as what an operator may add."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for root in own_library():
            for path in [*root.glob("ctypes/*.py"), *root.glob("lib-dynload/_ctypes.*.so")]:
                name = path.name if path.suffix == ".so" else f"ctypes/{path.name}"
                archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
    wheel = trees() / "ctypes-py3-none-any.whl"
    making = wheel.with_suffix(f".{os.getpid()}")
    making.write_bytes(packed.getvalue())
    return making.replace(wheel)
