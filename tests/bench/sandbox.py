"""What runtimes and the walls around them cost: the first answer, a model call, a chunk of seeds.

``python -m tests.bench.sandbox [--rounds 5]``
Everything is measured in the same run, one wall after the other and round after round, so that a busy machine is busy
for all of them; the ratios mean more than the times. The model answers at once.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

from graftwork.contracts.workflows import Workflow
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.errors import WallDown
from graftwork_runner.monty import MontyRuntime
from graftwork_runner.sandbox import Chunk
from graftwork_runner.sandbox import Limits
from graftwork_runner.sandbox import ModelCall
from graftwork_runner.sandbox import Runtime
from graftwork_runner.sandbox import SeedInput
from graftwork_runner.walls import Wall
from graftwork_runner.walls import WallChoice
from graftwork_runner.walls import strongest_wall

ONE_CALL = 'async def workflow(ctx, seed):\n    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
MANY_CALLS = (
    "async def workflow(ctx, seed):\n"
    "    for turn in range(100):\n"
    '        text = await ctx.llm("draft", topic=turn)\n'
    '    return {"text": text}\n'
)
CALLS, SEEDS = 100, 50
COLUMNS = ("start", "first answer", "a call", "a chunk of 50")


async def echo(call: ModelCall) -> str:
    """The quickest model there is."""
    return call.text


def chunk(code: str, seeds: int) -> Chunk:
    """Work over that many seeds."""
    workflow = Workflow(prompts={"draft": "Write about {{ topic }}."}, code=code)
    return Chunk(workflow, [SeedInput(index, {"topic": str(index)}) for index in range(seeds)], "bench", 600)


async def seconds_of(runtime: Runtime, work: Chunk) -> float:
    """Run it; every seed has to succeed."""
    began = time.perf_counter()
    result = await runtime.run(work, echo)
    took = time.perf_counter() - began
    assert [outcome.reason for outcome in result.outcomes] == [None] * len(work.seeds), result.trace
    return took


def made(row: str, wall: Wall | None, home: Path) -> Runtime:
    """The runtime of that row. CPython's tree is laid out in ``home``, which counts as the start of the first round."""
    limits = Limits(calls_per_sample=CALLS)
    if wall is not None and row.startswith("cpython"):
        return CPythonRuntime(limits, wall=wall, home=home, processes=1)
    return MontyRuntime(limits, processes=1, wall=wall)


@asynccontextmanager
async def closed(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A runtime that has not been started, and is closed at the end."""
    try:
        yield runtime
    finally:
        await runtime.close()


async def measure(fresh: Runtime) -> dict[str, float]:
    """Seconds for each column."""
    async with closed(fresh) as runtime:
        began = time.perf_counter()
        await runtime.start()
        started = time.perf_counter() - began
        first = started + await seconds_of(runtime, chunk(ONE_CALL, 1))
        calls = await seconds_of(runtime, chunk(MANY_CALLS, 1))
        return dict(
            zip(
                COLUMNS, (started, first, calls / CALLS, await seconds_of(runtime, chunk(ONE_CALL, SEEDS))), strict=True
            )
        )


def standing() -> dict[str, Wall | None]:
    """Walls to measure, by the name of the row: no CPython without one."""
    found: dict[str, Wall | None] = {"monty": None}
    name: WallChoice
    for name in get_args(WallChoice):
        if name not in {"auto", "none"}:
            try:
                found[f"monty + {name}"] = strongest_wall(name)
            except WallDown as error:
                print(f"{name} does not stand here: {error}")
    return found | {row.replace("monty", "cpython"): wall for row, wall in found.items() if wall is not None}


async def main(rounds: int) -> None:
    """Measure and print."""
    walls = standing()
    taken: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="graftwork-bench-", ignore_cleanup_errors=True) as home:
        for _ in range(rounds):
            for row, wall in walls.items():
                taken[row].append(await measure(made(row, wall, Path(home))))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, medians of {rounds} rounds, ms (times monty alone)")
    print(f"{'':22}" + "".join(f"{column:>22}" for column in COLUMNS))
    alone = {column: statistics.median(each[column] for each in taken["monty"]) for column in COLUMNS}
    for row, measured in taken.items():
        medians = {column: statistics.median(each[column] for each in measured) for column in COLUMNS}
        print(f"{row:22}" + "".join(f"{1e3 * medians[c]:14.2f} ({medians[c] / alone[c]:4.1f})" for c in COLUMNS))
    for wall in set(walls.values()) - {None}:
        assert wall is not None
        wall.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    asyncio.run(main(parser.parse_args().rounds))
