"""The language of workflows: what the runtime checks code against, and what the authors of code are told.

Beside each other so that they cannot drift apart: the runner type-checks every workflow against
``STUBS``, the optimizer puts ``DIALECT`` and ``STUBS`` into its prompts, and a test runs the claims made
here through the runtime (Monty, a Python interpreter made for code written by language models).
"""

ENTRY_POINT = "workflow"
"""Name of the one function that a workflow's code must define: ``async def workflow(ctx, seed)``."""

STUBS = '''\
from typing import Any

Seed = dict[str, Any]

class Ctx:
    async def llm(self, name: str, /, **variables: Any) -> str:
        """Render the prompt `name` with `variables`, ask the model, return its text."""
    async def llm_json(self, name: str, /, **variables: Any) -> dict[str, Any]:
        """The same, asking for one JSON object; ValueError if the answer is none."""
'''
"""Type stubs of ``ctx`` and ``seed``."""

MODULES = (
    "asyncio",
    "base64",
    "bisect",
    "collections",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "random",
    "re",
    "typing",
    "unicodedata",
)
"""Modules a workflow can import (some in part)."""

MISSING_MODULES = (
    "string",
    "textwrap",
    "statistics",
    "fractions",
    "enum",
    "uuid",
    "heapq",
    "difflib",
    "html",
    "logging",
    "contextlib",
    "traceback",
    "inspect",
    "numpy",
)
"""Modules often wished for that are not there."""

MISSING_NAMES = ("callable", "dir", "vars", "globals", "super", "delattr", "input", "bytearray", "__import__")
"""Builtins that are not there."""

PROMPT_FILTERS = (
    "capitalize",
    "default",
    "first",
    "items",
    "join",
    "last",
    "length",
    "lower",
    "title",
    "tojson",
    "trim",
    "upper",
)
"""Filters that prompts can use."""

_OUTPUTS = "{{ name }}, {{ name.key }}, {{ name[0] }}"
_BLOCKS = "{% if %} with elif and else, {% for %}"

DIALECT = f"""\
The code is Python, run by a small interpreter in a sandbox and type-checked first against the stubs of ctx and seed.
- Present: functions, closures, lambdas, comprehensions, generator expressions, f-strings, match, with, walrus,
  try/except/else/finally, plain classes with methods, @dataclass, async/await and asyncio.gather.
- Absent, a syntax error: yield, class inheritance (so no Enum, TypedDict or exception classes of your own: raise
  ValueError), decorators on methods (property, staticmethod, classmethod), del, async for, async with, async
  comprehensions, except*, `type X = ...`.
- Importable: {", ".join(MODULES)}. Nothing else: no {", ".join(MISSING_MODULES)}.
  Of asyncio only gather, sleep and run; no functools.wraps, dataclasses.asdict, collections.OrderedDict.
- Absent builtins: {", ".join(MISSING_NAMES)}. Absent methods: str.translate, str.maketrans, str.format_map.
- No files, network, environment or real time: open() and os calls raise, the clock stands still, sleep returns at once.
  `random` is seeded for each seed, so the same seed makes the same record. print() goes nowhere.
- `await ctx.llm("name", key=value)` raises ValueError for an unknown prompt or a variable that the prompt uses and the
  call does not pass, and RuntimeError if the model refuses. `await ctx.llm_json("name", ...)` returns a dict and raises
  ValueError if the answer is not one JSON object. Asking the same again gives another answer. ctx has nothing else.
- Variables are text, numbers, booleans, None, lists and dicts. Many seeds run side by side in one module: keep no state
  between them in module variables.
- Prompts are Jinja templates, of which these parts work: {_OUTPUTS}, {_BLOCKS}
  over lists, dicts and name.items() with loop.index, loop.first and loop.last, comparisons, and/or/not/in,
  `a if b else c`, `is defined`, `~`, and the filters {", ".join(PROMPT_FILTERS)}.
  No set, macro, include, arithmetic, other methods, tests or filters: compute in the code and pass the result.
- Compute time, memory, the number of model calls and the size of the record are limited. Return one dict of JSON
  values.
"""
"""What code may and may not use, for the prompt of whoever writes it."""
