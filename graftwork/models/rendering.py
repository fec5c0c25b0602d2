"""Evaluates the parts of Jinja that workflow prompts may use, each linear in its input, under a budget."""

import json
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from jinja2 import nodes

from graftwork.models.errors import TemplateRefused

_MAX_STEPS = 20_000
_CHARS_PER_STEP = 4_096
_LOOP = "loop"


class Missing:
    """A variable or key that is not there; an error unless asked about by ``is defined`` or ``default``."""

    def __init__(self, what: str) -> None:
        self.what = what


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _shown(value)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict | list | str):
        return list(value)
    raise TypeError(f"{_shown(value)[:40]} has no items")


def _pairs(value: Any) -> list[list[Any]]:
    if not isinstance(value, dict):
        raise TypeError(f"{_shown(value)[:40]} is not a mapping")
    return [[key, item] for key, item in value.items()]


def _defaulted(found: Any, default: Any = "", falsy_too: Any = False) -> Any:  # noqa: FBT002 - Jinja's signature
    return default if isinstance(found, Missing) or (falsy_too and not found) else found


def _edge(index: int) -> Callable[[Any], Any]:
    def pick(value: Any) -> Any:
        items = _items(value)
        return items[index] if items else Missing("an item of an empty list")

    return pick


FILTERS: Mapping[str, Callable[[Any], Any]] = {
    "capitalize": lambda value: _plain(value).capitalize(),
    "first": _edge(0),
    "last": _edge(-1),
    "count": lambda value: len(_items(value)),
    "length": lambda value: len(_items(value)),
    "items": _pairs,
    "lower": lambda value: _plain(value).lower(),
    "string": _plain,
    "title": lambda value: _plain(value).title(),
    "tojson": lambda value: json.dumps(value, ensure_ascii=False),
    "trim": lambda value: _plain(value).strip(),
    "upper": lambda value: _plain(value).upper(),
}
FILTERS_WITH_ARGUMENT = frozenset({"default", "d", "join"})
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "lt": lambda a, b: bool(a < b),
    "lteq": lambda a, b: bool(a <= b),
    "gt": lambda a, b: bool(a > b),
    "gteq": lambda a, b: bool(a >= b),
    "in": lambda a, b: a in b,
    "notin": lambda a, b: a not in b,
}
TESTS: Mapping[str, Callable[[Any], bool]] = {
    "defined": lambda value: not isinstance(value, Missing),
    "undefined": lambda value: isinstance(value, Missing),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float),
    "mapping": lambda value: isinstance(value, dict),
}


class Rendering:
    """One rendering of one prompt: an evaluator of nodes, and the budget it spends."""

    def __init__(self, name: str, variables: Mapping[str, Any], max_chars: int) -> None:
        self._name = name
        self._variables = dict(variables)
        self._max_chars = max_chars
        # steps charged for looking at a whole value, which may be as large as all variables together
        self._weight = 1 + len(json.dumps(self._variables)) // _CHARS_PER_STEP
        self._steps = 0

    def of(self, parts: Sequence[nodes.Node]) -> str:
        """Text of ``parts``. Raises ``TemplateRefused``, and ``TypeError`` for values that do not fit an operation."""
        return self._text(self._body(parts, self._variables))

    def _body(self, parts: Sequence[nodes.Node], scope: dict[str, Any]) -> Iterator[str]:
        for part in parts:
            self._step()
            match part:
                case nodes.Output():
                    yield from (_plain(self._value(node, scope)) for node in part.nodes)
                case nodes.If():
                    yield from self._body(self._branch(part, scope), scope)
                case nodes.For():
                    yield from self._loop(part, scope)

    def _text(self, pieces: Iterator[str]) -> str:
        """Join, watching the length as it grows."""
        kept: list[str] = []
        length = 0
        for piece in pieces:
            length += len(piece)
            if length > self._max_chars:
                raise self._refusal(f"renders to more than {self._max_chars:,} characters")
            kept.append(piece)
        return "".join(kept)

    def _branch(self, node: nodes.If, scope: dict[str, Any]) -> list[nodes.Node]:
        for option in (node, *node.elif_):
            if self._value(option.test, scope):
                return option.body
        return node.else_

    def _loop(self, node: nodes.For, scope: dict[str, Any]) -> Iterator[str]:
        items = _items(self._value(node.iter, scope))
        self._step(self._weight)
        for index, item in enumerate(items):
            self._step(self._weight)  # the scope is copied
            inner = {**scope, _LOOP: _loop_state(index, len(items)), **self._bound(node.target, item)}
            yield from self._body(node.body, inner)
        if not items:
            yield from self._body(node.else_, scope)

    def _bound(self, target: nodes.Node, item: Any) -> dict[str, Any]:
        if isinstance(target, nodes.Name):
            return {target.name: item}
        names = [part.name for part in target.iter_child_nodes() if isinstance(part, nodes.Name)]
        values = _items(item)
        if len(names) != len(values):
            raise self._refusal(f"for over {len(names)} names meets an item of {len(values)} values")
        return dict(zip(names, values, strict=True))

    def _value(self, node: nodes.Node, scope: dict[str, Any]) -> Any:
        found = self._maybe(node, scope)
        if isinstance(found, Missing):
            given = ", ".join(sorted(name for name in scope if name != _LOOP)) or "none"
            raise self._refusal(f"uses {found.what}, which was not given (given: {given})")
        return found

    def _maybe(self, node: nodes.Node, scope: dict[str, Any]) -> Any:  # noqa: C901, PLR0911, PLR0912 - one table
        self._step()
        match node:
            case nodes.TemplateData():
                return node.data
            case nodes.Const():
                return node.value
            case nodes.Name():
                return scope.get(node.name, Missing(repr(node.name)))
            case nodes.List() | nodes.Tuple():
                return [self._value(item, scope) for item in node.items]
            case nodes.Getattr():
                return self._member(self._value(node.node, scope), node.attr)
            case nodes.Getitem():
                return self._member(self._value(node.node, scope), self._value(node.arg, scope))
            case nodes.Filter():
                return self._filtered(node, scope)
            case nodes.Call(node=nodes.Getattr() as method):
                return _pairs(self._value(method.node, scope))
            case nodes.Test():
                return TESTS[node.name](self._maybe(node.node, scope))
            case nodes.Compare():
                return self._compared(node, scope)
            case nodes.And():
                return self._value(node.left, scope) and self._value(node.right, scope)
            case nodes.Or():
                return self._value(node.left, scope) or self._value(node.right, scope)
            case nodes.Not():
                return not self._value(node.node, scope)
            case nodes.Neg():
                return -self._value(node.node, scope)
            case nodes.CondExpr():
                return self._chosen(node, scope)
            case nodes.Concat():
                return self._text(_plain(self._value(part, scope)) for part in node.nodes)
        raise self._refusal(f"{type(node).__name__.lower()} is not supported here")

    def _chosen(self, node: nodes.CondExpr, scope: dict[str, Any]) -> Any:
        if self._value(node.test, scope):
            return self._value(node.expr1, scope)
        return "" if node.expr2 is None else self._value(node.expr2, scope)

    def _compared(self, node: nodes.Compare, scope: dict[str, Any]) -> bool:
        self._step(self._weight)
        left = self._value(node.expr, scope)
        for operand in node.ops:
            right = self._value(operand.expr, scope)
            if not _COMPARISONS[operand.op](left, right):
                return False
            left = right
        return True

    def _filtered(self, node: nodes.Filter, scope: dict[str, Any]) -> Any:
        if node.node is None:
            raise self._refusal("filter blocks are not supported")
        self._step(self._weight)
        arguments = [self._value(argument, scope) for argument in node.args]
        if node.name in {"default", "d"}:
            return _defaulted(self._maybe(node.node, scope), *arguments)
        value = self._value(node.node, scope)
        if node.name == "join":
            return self._joined(_items(value), _plain(arguments[0]) if arguments else "")
        return FILTERS[node.name](value)

    def _joined(self, items: list[Any], separator: str) -> str:
        return self._text(
            piece for index, item in enumerate(items) for piece in (separator * bool(index), _plain(item))
        )

    def _member(self, value: Any, key: Any) -> Any:
        if isinstance(value, dict):
            return value.get(key, Missing(f"the key {key!r}"))
        if isinstance(value, list | str) and isinstance(key, int):
            inside = -len(value) <= key < len(value)
            return value[key] if inside else Missing(f"item {key} of {len(value)}")
        return Missing(f"{key!r} of something that has none")

    def _step(self, weight: int = 1) -> None:
        self._steps += weight
        if self._steps > _MAX_STEPS:
            raise self._refusal(f"takes more than {_MAX_STEPS:,} steps to render")

    def _refusal(self, reason: str) -> TemplateRefused:
        return TemplateRefused(f"prompt {self._name!r} {reason}")


def _loop_state(index: int, length: int) -> dict[str, Any]:
    return {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
    }
