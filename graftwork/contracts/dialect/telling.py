"""What authors of workflows are told of the language, made from the lists that the runtime is checked against."""

from collections.abc import Iterable

from graftwork.contracts.dialect.interface import HELPER_CHARS
from graftwork.contracts.dialect.interface import HELPER_VALUES
from graftwork.contracts.dialect.interface import HELPERS
from graftwork.contracts.dialect.interface import NARROWEST_LINE
from graftwork.contracts.dialect.interface import Offer
from graftwork.contracts.dialect.lacks import LIBRARY
from graftwork.contracts.dialect.lacks import MISSING_MODULES
from graftwork.contracts.dialect.lacks import MISSING_NAMES
from graftwork.contracts.dialect.lacks import MODULES
from graftwork.contracts.dialect.lacks import SYNTAX
from graftwork.contracts.dialect.lacks import Lack
from graftwork.contracts.runtimes import WorkflowRuntime

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


def _lacking(lacks: Iterable[Lack]) -> str:
    return "\n".join(f"  - {lack.what}: {lack.instead};" for lack in lacks)


def _helping() -> str:
    return "\n".join(f"  - {module}: {', '.join(map(_offered, offers))};" for module, offers in HELPERS.items())


def _offered(offer: Offer) -> str:
    return f"{offer.name}{offer.form} ({offer.does})" if offer.does else offer.name


_EVERYWHERE = f"""\
- `await ctx.llm("name", key=value)` raises ValueError for an unknown prompt or a variable that the prompt uses and the
  call does not pass, and RuntimeError if the model refuses. `await ctx.llm_json("name", ...)` returns a dict and raises
  ValueError if the answer is not one JSON object. Asking the same again gives another answer. ctx has nothing else.
- Variables are text, numbers, booleans, None, lists and dicts. Many seeds run side by side in one module: keep no state
  between them in module variables.
- Prompts are Jinja templates, of which these parts work: {_OUTPUTS}, {_BLOCKS}
  over lists, dicts and name.items() with loop.index, loop.first and loop.last, comparisons, and/or/not/in,
  `a if b else c`, `is defined`, `~`, and the filters {", ".join(PROMPT_FILTERS)}.
  No set, macro, include, arithmetic, other methods, tests or filters: compute in the code and pass the result.
"""

DIALECT = f"""\
The code is Python, run by a small interpreter in a sandbox and type-checked first against the stubs of ctx and seed.
- Present: functions, closures, lambdas, comprehensions, generator expressions, f-strings, match, with, walrus,
  try/except/else/finally, plain classes with methods, @dataclass, async/await and asyncio.gather.
- Absent, a syntax error, with what to write instead:
{_lacking(SYNTAX)}
- Also, with what to write instead:
{_lacking(LIBRARY)}
- Importable: {", ".join(MODULES)}. Nothing else: no {", ".join(MISSING_MODULES)}.
- Importable too, with these names only, for texts of at most {HELPER_CHARS:,} characters, lists of at most
  {HELPER_VALUES:,} numbers and a width of at least {NARROWEST_LINE}:
{_helping()}
- Absent builtins: {", ".join(MISSING_NAMES)}.
- No files, network, environment or real time: open() and os calls raise, the clock stands still, sleep returns at once.
  `random` is seeded for each seed, so the same seed makes the same record. print() goes nowhere.
{_EVERYWHERE}\
- Compute time, memory, the number of model and helper calls and the size of the record are limited. Return one dict of
  JSON values.
"""
"""What code may and may not use, for the prompt of whoever writes it, where the runtime is Monty."""

CPYTHON_DIALECT = f"""\
The code is Python 3.11 or later, run by CPython in a sandbox.
- The whole language, and of the standard library what computes: text, numbers, dates, data structures, json, re, csv,
  xml, html, decimal, enum, dataclasses, asyncio and the like.
- Importable too, with these names: textkit: {", ".join(map(_offered, HELPERS["textkit"]))}.
- No other libraries unless the task names them, and no threads or processes.
- No files, network, environment or real time: what asks the operating system raises OSError, the clock stands still,
  sleep returns at once, and a timeout never passes while a model is asked. `random`, uuid and secrets are seeded for
  each seed, so the same seed makes the same record. print() goes nowhere.
{_EVERYWHERE}\
- Compute time, memory, recursion, the number of model calls and the size of the record are limited. Return one dict of
  JSON values.
"""
"""The same, where the runtime is CPython."""


def dialect_of(runtime: WorkflowRuntime) -> str:
    """What authors of code for this runtime are told."""
    return CPYTHON_DIALECT if runtime is WorkflowRuntime.CPYTHON else DIALECT
