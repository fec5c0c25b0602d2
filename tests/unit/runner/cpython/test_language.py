"""What workflows of CPython can do, and how their mistakes read."""

import json
from pathlib import Path
from typing import Any

import pytest

from graftwork.contracts.workflows import FailureReason
from graftwork_runner.cpython import CPythonRuntime
from graftwork_runner.cpython.session import MAX_CODE_CHARS
from graftwork_runner.sandbox import ChunkResult
from tests.support.walls import needs_bwrap
from tests.support.walls import standing
from tests.support.workflow_bench import LIMITS
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import trees
from tests.unit.runner.cpython.test_tree import a_wheel

pytestmark = needs_bwrap
HEAD = "async def workflow(ctx, seed):\n"
MODERN = """
import enum, string, textwrap, statistics, uuid, dataclasses, contextlib, fractions, html, difflib
import textkit
from typing import TypedDict

class Colour(enum.Enum):
    RED = "red"

class Mine(ValueError):
    pass

class Point(TypedDict):
    x: int

@dataclasses.dataclass(frozen=True)
class Pair:
    left: int
    @property
    def double(self) -> int:
        return 2 * self.left
    @classmethod
    def of(cls, n: int) -> "Pair":
        return cls(n)

def numbers():
    yield from range(3)

async def slow():
    for n in numbers():
        yield n

@contextlib.asynccontextmanager
async def held(value):
    yield value

async def helper(ctx: Ctx, seed: Seed) -> str:
    return await ctx.llm("draft", topic=seed["topic"])

async def workflow(ctx, seed):
    try:
        raise Mine("own", 2)
    except* ValueError as group:
        caught = len(group.exceptions)
    async with held(4) as four:
        pass
    d = {"gone": 1}
    del d["gone"]
    return {
        "async": [n async for n in slow()],
        "class": [Colour.RED.value, Pair.of(2).double, dataclasses.asdict(Pair(1)), Point(x=1)["x"]],
        "text": [await helper(ctx, seed),
            textkit.slug("Ab c"), textwrap.shorten("a bcdefghij", 8), "a".translate({97: "b"})],
        "kept": [caught, four, d, statistics.mean([1, 2]), str(fractions.Fraction(1, 3))],
    }
"""


def only(result: ChunkResult) -> Any:
    [outcome] = result.outcomes
    assert outcome.record is not None, (outcome.detail, result.trace)
    return json.loads(outcome.record)


async def test_the_whole_language_is_there(bench: Bench) -> None:
    assert only(await bench.run(MODERN, seeds=[{"topic": "t"}])) == {
        "async": [0, 1, 2],
        "class": ["red", 4, {"left": 1}, 1],
        "text": ["Write about t. #0", "ab-c", "a [...]", "b"],
        "kept": [1, 4, {}, 1.5, "1/3"],
    }


async def test_whatever_asks_for_chance_or_time_gets_the_same_again(bench: Bench) -> None:
    code = (
        "import datetime, os, random, secrets, time, uuid\nrng = random.Random()\n" + HEAD + "    return {\n"
        "        'chance': [os.urandom(4).hex(), secrets.token_hex(4), str(uuid.uuid4()), random.Random().random(),\n"
        "            rng.random(), random.SystemRandom().random()],\n"
        "        'time': [time.time(), time.monotonic(), time.gmtime()[:3], time.strftime('%Y'), time.ctime(),\n"
        "            datetime.datetime.now(datetime.UTC).isoformat(), datetime.date.today().isoformat()],\n"
        "        'order': [list({'q', 'w', 'e', 'r'}), hash('word')],\n    }\n"
    )
    first, second = [only(await bench.run(code, seeds=[{}])) for _ in range(2)]
    assert first == second
    now = 1767225600.0
    assert first["time"] == [
        *(now, now, [2026, 1, 1], "2026", "Thu Jan  1 00:00:00 2026"),
        *("2026-01-01T00:00:00+00:00", "2026-01-01"),
    ]
    both = (await bench.run(code, seeds=[{}, {}])).outcomes
    assert both[0].record != both[1].record


async def test_time_passes_for_timers_alone_and_never_while_a_model_is_asked(bench: Bench) -> None:
    code = (
        "import asyncio\n" + HEAD + "    loop = asyncio.get_running_loop()\n"
        "    text = await asyncio.wait_for(ctx.llm('draft', topic=1), 0.001)\n"
        "    try:\n"
        "        async with asyncio.timeout(3600): await asyncio.Event().wait()\n"
        "    except TimeoutError: late = True\n"
        "    await asyncio.sleep(3600)\n"
        "    return {'text': text, 'late': late, 'there': await asyncio.to_thread(str, 7), 'time': loop.time()}\n"
    )
    assert only(await bench.run(code, seeds=[{}])) == {
        "text": "Write about 1. #0",
        "late": True,
        "there": "7",
        "time": 3600.0,
    }


async def test_a_call_that_is_given_up_is_not_waited_for(bench: Bench) -> None:
    code = (
        "import asyncio\n" + HEAD + "    call = asyncio.ensure_future(ctx.llm('draft', topic=1))\n"
        "    await asyncio.sleep(0)\n    call.cancel()\n"
        "    return {'second': await ctx.llm('draft', topic=2), 'gone': call.cancelled()}\n"
    )
    assert only(await bench.run(code, seeds=[{}])) == {"second": "Write about 2. #0", "gone": True}


@pytest.mark.parametrize(
    ("code", "detail", "trace"),
    [
        (
            HEAD + "    return (await \n",
            "SyntaxError: '(' was never closed (workflow.py, line 2)",
            "workflow.py, line 2: return (await\n",
        ),
        ("x = 1\0\n", "SyntaxError: source code string cannot contain null bytes", ""),
        (
            "import numpy\n",
            "ModuleNotFoundError: No module named 'numpy'",
            "workflow.py, line 1: import numpy\n",
        ),
        (
            "def f():\n    raise ValueError('at import')\nf()\n",
            "ValueError: at import",
            "workflow.py, line 3: f()\nworkflow.py, line 2, in f: raise ValueError('at import')\n",
        ),
        (HEAD + "    return ctx.host\n", "AttributeError: 'Ctx' object has no attribute 'host'", "workflow.py, line 2"),
        ("def workflow(ctx, seed):\n    return {}\n", "TypeError: workflow must be an `async def`", ""),
        ("async def other(): pass\n", "the code defines no `async def workflow(ctx, seed)`", ""),
        ("async def workflow(ctx):\n    pass\n", "TypeError: workflow() takes 1 positional argument but 2", ""),
        ("x = " + "-" * 100_000 + "1\n", "", ""),
        ("x = " + "(" * 1_000 + ")" * 1_000 + "\n", "SyntaxError: too many nested parentheses", ""),
        ("#" * (MAX_CODE_CHARS + 1), f"the code has {MAX_CODE_CHARS + 1:,} characters", ""),
        (
            "import asyncio\n" + HEAD + "    await asyncio.Event().wait()\n",
            "RuntimeError: the code waits for something that never comes",
            "",
        ),
    ],
)
async def test_mistakes_say_what_and_where(bench: Bench, code: str, detail: str, trace: str) -> None:
    result = await bench.run(code)
    assert {o.reason for o in result.outcomes} <= {FailureReason.CRASHED, FailureReason.LIMIT_EXCEEDED}
    assert detail in result.outcomes[0].detail
    assert str(result.trace).startswith(trace)
    assert bench.calls == []


async def test_wheels_of_the_operator_can_be_imported(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "words-1-py3-none-any.whl", {"words.py": "def shout(text): return text.upper()\n"})
    runtime = CPythonRuntime(LIMITS, wall=standing("bubblewrap"), home=trees(), processes=1, wheels=[wheel])
    await runtime.start()
    try:
        code = "import words\n" + HEAD + "    return {'text': words.shout('loud')}\n"
        assert only(await Bench(runtime).run(code, seeds=[{}])) == {"text": "LOUD"}
    finally:
        await runtime.close()
