"""What Python has and the runtime lacks: told to authors, and again, with the cure, to whoever repairs a failure.

Each lack carries modules that meet it. A test runs them all through the runtime, so that what is said here
stays true of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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
    "time",
    "typing",
    "unicodedata",
)
"""Modules of Python that a workflow can import (some in part)."""

MISSING_MODULES = (
    "fractions",
    "enum",
    "abc",
    "operator",
    "io",
    "uuid",
    "heapq",
    "difflib",
    "html",
    "logging",
    "contextlib",
    "traceback",
    "inspect",
    "collections.abc",
    "numpy",
)
"""Modules often wished for that are not there."""

MISSING_NAMES = (
    "callable",
    "dir",
    "vars",
    "globals",
    "super",
    "issubclass",
    "delattr",
    "input",
    "bytearray",
    "compile",
    "__import__",
    "ExceptionGroup",
)
"""Builtins that are not there."""


@dataclass(frozen=True)
class Lack:
    """One thing that is not there.

    ``instead``: what to write. ``marks``: words of the failure by which it is known, in the message of the runtime
    or of its type checker. ``examples``: modules that meet it.
    """

    what: str
    instead: str
    marks: tuple[str, ...]
    examples: tuple[str, ...]


SYNTAX = (
    Lack(
        "yield",
        "collect the values in a list and return it",
        ("support yield", "in async generator"),
        ("def f():\n    yield 1\n", "def f():\n    yield from []\n", "async def f():\n    yield 1\n    return 2\n"),
    ),
    Lack(
        "class inheritance (so no Enum, TypedDict, exceptions of your own)",
        "dicts or @dataclass; raise ValueError",
        ("class inheritance",),
        ("class Mine(Exception): pass\n", "class A: pass\nclass B(A): pass\n"),
    ),
    Lack(
        "decorators on methods (property, staticmethod, classmethod)",
        "plain methods",
        ("method decorators", "`staticmethod`", "`classmethod`"),
        (
            "class A:\n    @property\n    def x(self): return 1\n",
            "class A:\n    @staticmethod\n    def x(): return 1\n",
            "class A:\n    @classmethod\n    def x(cls): return 1\n",
        ),
    ),
    Lack(
        "del",
        "d.pop(key), or build a new list",
        ("the 'del' statement",),
        ("d = {'a': 1}\ndel d['a']\n",),
    ),
    Lack(
        "async for, async with, async comprehensions",
        "an ordinary loop with await in it, or asyncio.gather",
        ("async for loops", "async context managers", "async comprehensions"),
        (
            "async def f(xs):\n    async for x in xs: pass\n",
            "async def f(x):\n    async with x: pass\n",
            "async def f(xs):\n    return [x async for x in xs]\n",
        ),
    ),
    Lack("except*", "except", ("exception groups",), ("try: pass\nexcept* ValueError: pass\n",)),
    Lack("`type X = ...`", "X = ...", ("type aliases",), ("type X = int\n",)),
    Lack("`from x import *`", "import the names", ("Wildcard imports",), ("from math import *\n",)),
)
"""Refused when the code is read."""

LIBRARY = (
    Lack(
        "asyncio has gather, sleep and run only, and gather takes no keywords",
        "asyncio.gather(*calls), and catch errors inside each call",
        ("Module `asyncio` has no member", "gather() does not yet support keyword"),
        (
            "import asyncio\nasyncio.create_task\n",
            "import asyncio\nasyncio.Semaphore\n",
            "import asyncio\nasyncio.wait_for\n",
            "import asyncio\nasync def f(): return 1\nawait asyncio.gather(f(), return_exceptions=True)\n",
        ),
    ),
    Lack(
        "no re.sub with a function, re.subn, re.VERBOSE",
        "a loop over re.finditer that joins the pieces",
        ("callable replacement", "from 're'", "module 're'"),
        (
            "import re\nre.sub('a', lambda found: 'b', 'a')\n",
            "import re\nre.compile('a', re.VERBOSE)\n",
            "from re import subn\n",
        ),
    ),
    Lack(
        "methods of text, lists and dicts are no values (key=str.lower, map(str.strip, lines))",
        "key=lambda text: text.lower()",
        ("type object 'str' has no attribute", "type object 'dict' has no attribute"),
        ("sorted(['a'], key=str.lower)\n", "list(map(str.strip, ['a']))\n", "list(map(dict.copy, [{}]))\n"),
    ),
    Lack(
        "no str.translate, str.maketrans, str.format_map",
        "replace, re.sub, or an f-string",
        ("no attribute 'translate'", "no attribute 'maketrans'", "no attribute 'format_map'"),
        ("'a'.translate({97: 'b'})\n", "str.maketrans('a', 'b')\n", "'{a}'.format_map({'a': 1})\n"),
    ),
    Lack(
        "no functools.wraps, functools.cmp_to_key, dataclasses.asdict, dataclasses.replace, collections.OrderedDict",
        "write the few lines out; a dict keeps its order",
        ("from 'dataclasses'", "from 'collections'", "Module `functools` has no", "Module `collections` has no"),
        (
            "import functools\nfunctools.wraps\n",
            "from functools import cmp_to_key\n",
            "from dataclasses import asdict\n",
            "from dataclasses import replace\n",
            "from collections import OrderedDict\n",
        ),
    ),
    Lack(
        "no typing.cast, TypeAlias, Awaitable, Coroutine",
        "leave the annotation out",
        ("from 'typing'",),
        tuple(f"from typing import {name}\n" for name in ("cast", "TypeAlias", "Awaitable", "Coroutine")),
    ),
    Lack(
        "no __len__ and __lt__ for your own classes",
        "named methods",
        ("has no len()", "' not supported between instances of '"),
        (
            "class A:\n    def __len__(self): return 3\nlen(A())\n",
            "class A:\n    def __lt__(self, other): return True\nsorted([A(), A()])\n",
        ),
    ),
    Lack(
        "exceptions take one text, and have no __cause__ and __traceback__",
        "raise ValueError(f'...'), and str(error)",
        ("exceptions can only be called with zero or one", "no attribute '__cause__'", "no attribute '__traceback__'"),
        (
            "raise ValueError('a', 1)\n",
            "try: 1 / 0\nexcept ZeroDivisionError as error: error.__traceback__\n",
            "try: 1 / 0\nexcept ZeroDivisionError as error: error.__cause__\n",
        ),
    ),
    Lack(
        "functions have no __name__ and __doc__",
        "write the name as text",
        ("'function' object has no attribute '__",),
        ("def f(): pass\nf.__name__\n", "def f(): pass\nf.__doc__\n"),
    ),
)
"""Refused when it is checked or used."""

_MODULE_MARKS = ("Cannot resolve imported module", "No module named")
_NAME_MARKS = tuple(f"Name `{name}` used" for name in MISSING_NAMES) + tuple(
    f"'{name}' is not" for name in MISSING_NAMES
)


def hints_for(report: str) -> Iterator[str]:
    """What to write instead of what the runtime lacks, for each lack that a failure's text shows."""
    for lack in SYNTAX:
        if any(mark in report for mark in lack.marks):
            yield f"the runtime has no {lack.what}; instead: {lack.instead}"
    for lack in LIBRARY:
        if any(mark in report for mark in lack.marks):
            yield f"the runtime: {lack.what}; instead: {lack.instead}"
    if any(mark in report for mark in _MODULE_MARKS):
        yield f"only these modules of Python can be imported: {', '.join(MODULES)}"
    if any(mark in report for mark in _NAME_MARKS):
        yield f"these builtins are not there: {', '.join(MISSING_NAMES)}"
