"""Ways to the operating system through objects that are at hand; all of them then look for a secret."""

from tests.support.probes import Line
from tests.support.probes import Probe

TAKE = """
return os.environ.get(seed["variable"]) or os.read(os.open(seed["file"], 0), 99).decode()"""


def way(name: str, route: str) -> Probe:
    """``route`` leads to ``os``."""
    return Probe(name, route + TAKE, control=True)


LINE = Line(
    "Python: objects",
    (
        way("import", "import os"),
        way("two spaces in the import", "import  os"),
        way("import of several", "import math, os"),
        way("__import__ of a made-up name", "os = __import__('o' + 's')"),
        way(
            "posix by name",
            """import os
from posix import open as door
os.open = door""",
        ),
        way(
            "importlib",
            """import importlib
os = importlib.import_module('os')""",
        ),
        way(
            "subclasses of object",
            """[wrap] = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == "_wrap_close"]
import types
os = types.SimpleNamespace(**wrap.__init__.__globals__)""",
        ),
        way(
            "catch_warnings",
            """import warnings
builtins = warnings.catch_warnings()._module.__builtins__
os = (builtins if isinstance(builtins, dict) else vars(builtins))["__import__"]("os")""",
        ),
        way(
            "BuiltinImporter",
            """[finder] = [c for c in object.__subclasses__() if c.__name__ == "BuiltinImporter"]
import types
posix = finder.load_module("posix")
environ = {name.decode(): value.decode() for name, value in posix.environ.items()}
os = types.SimpleNamespace(open=posix.open, read=posix.read, environ=environ)""",
        ),
        Probe(
            "Popen among the subclasses",
            """import subprocess
[popen] = [c for c in object.__subclasses__() if c.__name__ == "Popen"]
return popen(["/bin/cat", seed["file"]], stdout=subprocess.PIPE).communicate()[0].decode()""",
            control=True,
        ),
        way(
            "a module's module: random._os",
            """import random
os = random._os""",
        ),
        way(
            "a module's module: queue.threading",
            """import queue
os = queue.threading._sys.modules['os']""",
        ),
        way(
            "a module's module: asyncio.base_events",
            """import asyncio
os = asyncio.base_events.os""",
        ),
        way(
            "map(getattr)",
            """import random
[os] = map(getattr, [random], ['_os'])""",
        ),
        way(
            "partial(getattr)",
            """import functools, random
os = functools.partial(getattr, random, '_os')()""",
        ),
        way(
            "operator.attrgetter",
            """import operator, random
os = operator.attrgetter('_os')(random)""",
        ),
        way(
            "AttributeError.obj",
            """import random
try:
    random.nope
except AttributeError as error:
    os = error.obj._os""",
        ),
        way(
            "guards shadowed by positional-only",
            """def grab(_getattr_, getattr, /):
    return _getattr_(getattr, '_os')
import random
os = grab(getattr, random)""",
        ),
        way(
            "__builtins__ restored",
            """globals()['__builtins__'] = print.__self__
os = print.__self__.__import__('os')""",
        ),
        way("builtins of a function", "os = (lambda: 0).__builtins__['__import__']('os')"),
        way(
            "globals of a method",
            """import random
os = random.Random.choice.__globals__['_os']""",
        ),
        way(
            "mro",
            """import types
os = [c for c in type(1).mro()[-1].__subclasses__() if c.__name__ == '_wrap_close'][0].close.__globals__
os = types.SimpleNamespace(**os)""",
        ),
    ),
)
