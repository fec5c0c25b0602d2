"""Walks along attributes inside of format strings, where no rewriting of code sees them."""

from tests.support.probes import Line
from tests.support.probes import Probe


def walk(name: str, body: str) -> Probe:
    """``body`` walks from ``random`` to the environment."""
    return Probe(
        name,
        f"""import random
{body}""",
        control=True,
    )


LINE = Line(
    "Python: text",
    (
        walk("str.format", "return ('{0._os.environ[' + seed['variable'] + ']}').format(random)"),
        walk("str.format_map", "return ('{m._os.environ[' + seed['variable'] + ']}').format_map({'m': random})"),
        walk("str.format unbound", "return str.format('{0._os.environ[' + seed['variable'] + ']}', random)"),
        walk("f-string", "return f\"{random._os.environ[seed['variable']]}\""),
        walk(
            "string.Formatter",
            """import string
return string.Formatter().get_field('0._os.environ', [random], {})[0][seed['variable']]""",
        ),
        walk(
            "names that normalise",
            "return random._\uff4f\uff53.\uff45\uff4e\uff56\uff49\uff52\uff4f\uff4e[seed['variable']]",
        ),
        walk(
            "names that normalise, imported",
            """import \uff4fs
return os.environ[seed['variable']]""",
        ),
        walk("eval", "return eval('random._os.environ')[seed['variable']]"),
        walk(
            "exec",
            """scope = {}
exec('import os', scope)
return scope['os'].environ[seed['variable']]""",
        ),
        walk(
            "the repr of an exception",
            """try:
    random._os.environ.x
except AttributeError as error:
    return dict(error.obj)[seed['variable']]""",
        ),
        Probe("a null byte in a path", "return open(seed['file'] + '\\0.txt').read()"),
        Probe(
            "a null byte in code",
            """exec("x = 1\\0\\nimport os")
return 1""",
        ),
        Probe(
            "a null byte in the module",
            """x = '\0'
return len(x) > 1""",
            alone=True,
        ),
        Probe("10^6 brackets", "return eval('(' * 10**6 + ')' * 10**6)", alone=True),
        Probe("10^6 signs", "return eval('-' * 10**6 + '1')", alone=True),
        Probe("10^6 attributes", "return eval('seed' + '.a' * 10**6)", alone=True),
        Probe(
            "a deep tree, dumped",
            """import ast
return ast.dump(ast.parse('seed' + '.a' * 10**5))""",
            alone=True,
        ),
    ),
)
