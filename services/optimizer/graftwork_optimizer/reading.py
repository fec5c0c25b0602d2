"""What the code of a workflow says, read as a syntax tree and never run."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ASKING = frozenset({"llm", "llm_json"})
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LATER_GRAMMAR = re.compile(r"""\br?fr?["']|\bexcept\b|\b(?:def|class)\s+\w+\s*\[""", re.IGNORECASE)


class Unreadable(ValueError):
    """The code does not parse here.

    ``certain``: nor will it in the runtime, which reads a later Python than this process may: f-strings with
    any expression inside, ``except`` without parentheses, type parameters.
    """

    def __init__(self, message: str, *, certain: bool) -> None:
        super().__init__(message)
        self.certain = certain


@dataclass(frozen=True)
class PromptCall:
    """One ``ctx.llm(name, ...)`` or ``ctx.llm_json(name, ...)``. ``variables`` is None where ``**`` hides them."""

    method: str
    name: str
    variables: frozenset[str] | None
    line: int


def parsed(code: str) -> ast.Module:
    """Return the module ``code``. Raises ``Unreadable``."""
    try:
        return ast.parse(code)
    except SyntaxError as error:
        later = error.msg.startswith("f-string") or _LATER_GRAMMAR.search(error.text or "")
        raise Unreadable(_where(error), certain=not later) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(str(error) or type(error).__name__, certain=False) from error


def prompt_calls(tree: ast.AST) -> Iterator[PromptCall]:
    """Calls with a literal name, however ``ctx`` is called there; not of methods that the code defines itself."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITION)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=method), args=[ast.Constant(value=str(name)), *_], keywords=keywords
            ) if method in _ASKING - own:
                given = [keyword.arg for keyword in keywords]
                known = None if None in given else frozenset(filter(None, given))
                yield PromptCall(method, name, known, node.lineno)


def first_prompt(code: str) -> str | None:
    """Name of the prompt the code asks for first; None if there is none, or the code cannot be read."""
    try:
        calls = sorted(prompt_calls(parsed(code)), key=lambda call: call.line)
    except Unreadable:
        return None
    return calls[0].name if calls else None


def binds(tree: ast.AST, name: str) -> bool:
    """Whether ``name`` is defined, assigned or imported anywhere."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found = node.name
            case ast.Name(ctx=ast.Store()):
                found = node.id
            case ast.alias():
                found = node.asname or node.name
            case _:
                continue
        if found == name:
            return True
    return False


def parameters(function: ast.AsyncFunctionDef) -> tuple[str, ...] | None:
    """Names of the parameters; None if one of them is starred or by keyword only."""
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        return None
    return tuple(argument.arg for argument in [*arguments.posonlyargs, *arguments.args])


def takes(function: ast.AsyncFunctionDef, count: int) -> bool:
    """Whether it can be called with ``count`` arguments by position."""
    arguments = function.args
    most = len(arguments.posonlyargs) + len(arguments.args)
    fewest = most - len(arguments.defaults)
    return fewest <= count and (count <= most or arguments.vararg is not None) and None not in arguments.kw_defaults


def returns_a_dict(function: ast.FunctionDef) -> bool:
    """Whether it returns a record itself and so can be no hidden coroutine."""
    return any(isinstance(node, ast.Return) and isinstance(node.value, ast.Dict) for node in ast.walk(function))


def _where(error: SyntaxError) -> str:
    return str(error) if error.lineno is None else f"line {error.lineno}: {error.msg}"
