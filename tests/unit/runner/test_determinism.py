"""The same seed makes the same run, whatever runs beside it and whenever answers arrive."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable

import pytest

from graftwork_runner.sandbox import ModelCall
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import every_runtime

CODE = """
import asyncio, datetime, random, time
rng = random.Random()
async def stage(ctx, part):
    text = await ctx.llm("draft", topic=[part, random.randint(0, 10**9)])
    return text, random.random()
async def workflow(ctx, seed):
    before = random.random()
    stages = await asyncio.gather(*[stage(ctx, part) for part in ("a", "b", "c")])
    again = [await ctx.llm("draft", topic="same") for _ in range(2)]
    return {
        "numbers": [before, random.random(), random.choice(["x", "y", "z"])],
        "stages": stages,
        "again": again,
        "clock": [time.time() // 1, datetime.datetime.now().isoformat()[:16]],
        "order": list({"q", "w", "e", "r"}),
        "hash": hash("word"),
    }
"""


def in_turn(*, reverse: bool) -> Callable[[ModelCall], Awaitable[str]]:
    """A model that answers the calls of each round in the order of asking, or the other way round."""
    waiting: list[asyncio.Event] = []

    async def ask(call: ModelCall) -> str:
        mine = asyncio.Event()
        waiting.append(mine)
        for _ in range(20):  # let everybody ask who can
            await asyncio.sleep(0)
        turn = waiting[-1] if reverse else waiting[0]
        turn.set()
        waiting.remove(turn)
        await mine.wait()
        return f"{call.text} #{call.occurrence}"

    return ask


@every_runtime
async def test_answers_in_another_order_make_the_same_records_and_the_same_calls(benches: Benches) -> None:
    runs = []
    for reverse in (False, True):
        async with benches.open() as bench:
            result = await bench.run(CODE, ask=in_turn(reverse=reverse))
            runs.append((result, sorted((c.seed_index, c.text, c.occurrence) for c in bench.calls)))
    [(first, asked), (second, asked_again)] = runs
    assert [outcome.reason for outcome in first.outcomes] == [None] * 4
    assert first == second
    assert asked == asked_again


@every_runtime
async def test_a_seed_does_not_notice_who_runs_beside_it(bench: Bench) -> None:
    together = await bench.run(CODE, seeds=[{}, {}, {}])
    alone = await bench.run(CODE, seeds=[{}])
    assert together.outcomes[0] == alone.outcomes[0]


@every_runtime
async def test_seeds_draw_different_numbers(bench: Bench) -> None:
    result = await bench.run(CODE, seeds=[{}, {}])
    assert result.outcomes[0].record != result.outcomes[1].record


@every_runtime
@pytest.mark.parametrize("call", ["time.sleep(3600)", "await asyncio.sleep(3600)"])
async def test_sleeping_takes_no_time(bench: Bench, call: str) -> None:
    code = f"import asyncio, time\nasync def workflow(ctx, seed):\n    {call}\n    return {{}}\n"
    result = await bench.run(code, seconds=30)
    assert [outcome.reason for outcome in result.outcomes] == [None] * 4
