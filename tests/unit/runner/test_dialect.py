"""What authors of workflows are told about the language is true of the runtime."""

import pytest

from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import MISSING_MODULES
from graftwork.contracts.dialect import MISSING_NAMES
from graftwork.contracts.dialect import MODULES
from graftwork.contracts.dialect import STUBS
from graftwork.contracts.workflows import FailureReason
from tests.support.workflow_bench import Bench

HEAD = "async def workflow(ctx, seed):\n"
PRESENT = """
import asyncio
import copy
import itertools
import re
from collections import Counter, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from functools import lru_cache, partial, reduce
from typing import Any, Optional

@dataclass
class Point:
    x: int
    tags: list = field(default_factory=list)

class Plain:
    def __init__(self, n):
        self.n = n
    def double(self) -> int:
        return self.n * 2

def outer():
    count = 0
    def inner(step=1, *rest, **named):
        nonlocal count
        count += step
        return count
    return inner

async def helper(ctx: Ctx, n: int) -> str:
    return await ctx.llm("draft", topic=n)

async def workflow(ctx, seed):
    step = outer()
    found = [n for n in range(3) if n] + list(n for n in (4,))
    match seed:
        case {"topic": topic}:
            found.append(topic)
    try:
        raise ValueError("mine")
    except ValueError as error:
        found.append(str(error))
    else:
        found.append("never")
    finally:
        if (size := len(found)) > 2:
            found.append(f"{size:>3}|{3.14159:.2f}|{'x'!r}")
    texts = await asyncio.gather(helper(ctx, 1), helper(ctx, 2))
    await asyncio.sleep(5)
    first, *rest = sorted(texts, key=lambda text: -len(text))
    return {
        "found": found,
        "texts": [first, *rest],
        "point": [Point(1).x, Plain(2).double(), step(), step(2)],
        "counted": Counter("aab").most_common(1)[0][0],
        "joined": ", ".join(re.findall("[a-z]+", "ab 1 cd")),
        "merged": {**{"a": 1}, "b": reduce(lambda a, b: a + b, itertools.chain([1], [2]))},
    }
"""


async def test_what_is_said_to_be_there_works(bench: Bench) -> None:
    result = await bench.run(PRESENT, seeds=[{"topic": "t"}])
    assert [(o.reason, o.detail, result.trace) for o in result.outcomes] == [(None, "", None)]


async def test_all_modules_said_to_be_there_can_be_imported(bench: Bench) -> None:
    code = "".join(f"import {module}\n" for module in MODULES) + HEAD + "    return {}\n"
    result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].reason is None, result.outcomes[0].detail


@pytest.mark.parametrize("module", MISSING_MODULES)
async def test_modules_said_to_be_missing_are_refused_before_running(bench: Bench, module: str) -> None:
    result = await bench.run(f"import {module}\n{HEAD}    return {{}}\n", seeds=[{}])
    assert f"Cannot resolve imported module `{module}`" in result.outcomes[0].detail


@pytest.mark.parametrize("name", MISSING_NAMES)
async def test_names_said_to_be_missing_are_missing(bench: Bench, name: str) -> None:
    result = await bench.run(HEAD + f"    {name}\n    return {{}}\n", seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.CRASHED


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    yield 1\n",
        "class A: pass\nclass B(A): pass\n",
        "class E(Exception): pass\n",
        "class A:\n    @property\n    def x(self): return 1\n",
        "class A:\n    @staticmethod\n    def x(): return 1\n",
        "d = {'a': 1}\ndel d['a']\n",
        "async def f(xs):\n    async for x in xs: pass\n",
        "async def f(x):\n    async with x: pass\n",
        "async def f(xs):\n    return [x async for x in xs]\n",
        "try: pass\nexcept* ValueError: pass\n",
        "type X = int\n",
        "import functools\nfunctools.wraps\n",
        "from dataclasses import asdict\n",
        "from collections import OrderedDict\n",
        "import asyncio\nasyncio.create_task\n",
        "import asyncio\nasyncio.Semaphore\n",
        "'a'.translate\n",
        "'a'.maketrans\n",
        "'a'.format_map\n",
    ],
)
async def test_what_is_said_to_be_absent_is_refused(bench: Bench, code: str) -> None:
    result = await bench.run(code + HEAD + "    return {}\n", seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.CRASHED


def test_authors_are_told_of_every_module_and_name() -> None:
    untold = [word for word in (*MODULES, *MISSING_MODULES, *MISSING_NAMES) if word not in DIALECT]
    assert untold == []
    assert "async def llm_json" in STUBS
