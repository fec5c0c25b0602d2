"""What authors of workflows are told about the language is true of the runtime, and the stubs offer what is there."""

import ast
import builtins
import json

import pytest

from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import HELPERS
from graftwork.contracts.dialect import LIBRARY
from graftwork.contracts.dialect import MISSING_MODULES
from graftwork.contracts.dialect import MISSING_NAMES
from graftwork.contracts.dialect import MODULES
from graftwork.contracts.dialect import STUBS
from graftwork.contracts.dialect import SYNTAX
from graftwork.contracts.dialect import Lack
from graftwork.contracts.workflows import FailureReason
from graftwork_runner import driver
from graftwork_runner.sandbox import ChunkResult
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


async def loaded(bench: Bench, module: str) -> ChunkResult:
    """``module`` with a workflow that does nothing below it."""
    return await bench.run(f"{module}{HEAD}    return {{}}\n", seeds=[{}])


async def test_all_modules_said_to_be_there_can_be_imported(bench: Bench) -> None:
    result = await loaded(bench, "".join(f"import {module}\n" for module in (*MODULES, *HELPERS)))
    assert result.outcomes[0].reason is None, result.outcomes[0].detail


@pytest.mark.parametrize("module", MISSING_MODULES)
async def test_modules_said_to_be_missing_are_refused_with_a_list_of_those_there(bench: Bench, module: str) -> None:
    result = await loaded(bench, f"import {module}\n")
    assert module in result.outcomes[0].detail
    assert f"Note: only these modules of Python can be imported: {', '.join(MODULES)}" in str(result.trace)


@pytest.mark.parametrize("name", MISSING_NAMES)
async def test_names_said_to_be_missing_are_missing(bench: Bench, name: str) -> None:
    result = await bench.run(HEAD + f"    {name}\n    return {{}}\n", seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.CRASHED
    assert "Note: these builtins are not there" in str(result.trace)


@pytest.mark.parametrize(
    ("lack", "example"), [(lack, example) for lack in (*SYNTAX, *LIBRARY) for example in lack.examples]
)
async def test_what_is_said_to_be_absent_is_refused_and_whoever_repairs_it_is_told_the_cure(
    bench: Bench, lack: Lack, example: str
) -> None:
    result = await loaded(bench, example)
    assert result.outcomes[0].reason is FailureReason.CRASHED
    assert str(result.trace).endswith(f"{lack.what}; instead: {lack.instead}")
    assert lack.what in DIALECT
    assert lack.instead in DIALECT


async def test_a_failure_of_another_kind_brings_no_note(bench: Bench) -> None:
    result = await loaded(bench, "{}['no such key']\n")
    assert "Note:" not in str(result.trace)


def test_authors_are_told_of_every_module_and_name() -> None:
    helpers = [name for module, offers in HELPERS.items() for name in (module, *(offer.name for offer in offers))]
    words = (*MODULES, *MISSING_MODULES, *MISSING_NAMES, *helpers)
    assert [word for word in words if word not in DIALECT] == []


def test_the_ctx_that_runs_is_the_one_that_the_stubs_offer() -> None:
    [running] = [node for node in ast.walk(ast.parse(driver._CONTEXT)) if isinstance(node, ast.ClassDef)]
    [offered] = [node for node in ast.walk(ast.parse(STUBS)) if isinstance(node, ast.ClassDef)]
    assert _methods(running) == _methods(offered)


def _methods(node: ast.ClassDef) -> dict[str, tuple[str, list[str], list[str], str | None]]:
    found = {}
    for method in node.body:
        assert isinstance(method, ast.AsyncFunctionDef)
        given = method.args
        found[method.name] = (
            ast.unparse(ast.Name(method.name)),
            [argument.arg for argument in given.posonlyargs],
            [argument.arg for argument in given.args],
            given.kwarg.arg if given.kwarg else None,
        )
    return found


async def test_the_type_checker_knows_every_builtin_that_the_runtime_has(bench: Bench) -> None:
    public = [name for name in dir(builtins) if not name.startswith("_") and name != "open"]  # which only raises
    there = await names_there(bench, public)
    result = await loaded(bench, "".join(f"{name}\n" for name in there))
    assert {"map", "filter", "hasattr", "len", "sorted"} <= set(there)
    assert result.outcomes[0].reason is None, result.outcomes[0].detail


async def names_there(bench: Bench, names: list[str]) -> list[str]:
    """Those that the runtime resolves; nobody checks the types of what is evaluated."""
    code = f"""{HEAD}
    found = []
    for name in {names!r}:
        try:
            eval(name)
            found.append(name)
        except NameError:
            pass
    return {{"found": found}}
"""
    result = await bench.run(code, seeds=[{}])
    found: list[str] = json.loads(str(result.outcomes[0].record))["found"]
    return found


async def test_annotations_from_the_future_are_welcome(bench: Bench) -> None:
    result = await loaded(bench, "from __future__ import annotations\n")
    assert result.outcomes[0].reason is None, result.outcomes[0].detail
