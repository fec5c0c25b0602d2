"""Workflow prompts: the safe part of Jinja, rendered by us and not by Jinja.

The templates are written by a model. Jinja's own sandbox keeps them from our objects but not from our
processor and memory (``{{ "a" * 10**10 }}``, nested ranges), so only its parser is used: what can be said
is a short list of nodes.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from jinja2 import TemplateSyntaxError
from jinja2 import nodes

from graftwork.models.errors import TemplateRefused
from graftwork.models.needs import Needs
from graftwork.models.rendering import FILTERS
from graftwork.models.rendering import FILTERS_WITH_ARGUMENT
from graftwork.models.rendering import TESTS
from graftwork.models.rendering import Rendering

_PARSER = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - it never renders
_SHOWN_PROBLEMS = 5
_KNOWN_NODES = (
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Filter,
    nodes.Call,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Keyword,  # refused together with the call it is part of
)


def _foreign(node: nodes.Node) -> Iterator[str]:
    """Say at load, each with its line, what would fail at some later seed."""
    problem = _problem(node)
    if problem:
        yield f"line {node.lineno}: {problem}"
    if isinstance(node, _KNOWN_NODES):
        for child in node.iter_child_nodes():
            yield from _foreign(child)


def _problem(node: nodes.Node) -> str:
    match node:
        case nodes.Filter() if node.name not in {*FILTERS, *FILTERS_WITH_ARGUMENT}:
            return f"no filter {node.name!r} in prompts; do it in the code"
        case nodes.Filter() | nodes.Call() | nodes.Test() if node.kwargs or node.dyn_args or node.dyn_kwargs:
            return "named arguments are not supported in prompts"
        case nodes.Call() if not _asks_items(node):
            return "calls are not supported in prompts; do it in the code"
        case nodes.Test() if node.name not in TESTS:
            return f"no test {node.name!r} in prompts; do it in the code"
        case nodes.For() if node.test is not None or node.recursive:
            return "for with a condition or recursion is not supported in prompts"
    known = isinstance(node, _KNOWN_NODES)
    return "" if known else f"{type(node).__name__.lower()} is not supported in prompts; do it in the code"


def _asks_items(node: nodes.Call) -> bool:
    """``mapping.items()``, which everybody writes instead of ``mapping | items``."""
    return isinstance(node.node, nodes.Getattr) and node.node.attr == "items" and not node.args


class Template:
    """One prompt. Raises ``TemplateRefused`` with lines and reasons for what the dialect lacks.

    Attributes:
        needs: variables without which no rendering succeeds.
        may_need: variables that it reads under a condition, and whose absence it does not ask about.
    """

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        try:
            self._body = _PARSER.parse(source).body
            foreign = dict.fromkeys(problem for node in self._body for problem in _foreign(node))
            needs = Needs(self._body)
        except TemplateSyntaxError as error:
            raise TemplateRefused(f"prompt {name!r}, line {error.lineno}: {error.message}") from error
        except RecursionError as error:
            raise TemplateRefused(f"prompt {name!r} is nested too deeply") from error
        except ValueError as error:  # Python's own bound on the digits of a literal
            raise TemplateRefused(f"prompt {name!r}: {error}") from error
        if foreign:
            raise TemplateRefused(f"prompt {name!r}, {', '.join([*foreign][:_SHOWN_PROBLEMS])}")
        self.needs = needs.always
        self.may_need = needs.sometimes

    def render(self, variables: Mapping[str, Any], *, max_chars: int) -> str:
        """Text of the prompt. ``variables`` are JSON values. Raises ``TemplateRefused``."""
        rendering = Rendering(self.name, variables, max_chars)
        try:
            return rendering.of(self._body)
        except (TypeError, IndexError, AttributeError) as error:
            raise TemplateRefused(f"prompt {self.name!r}: {error}") from error
        except RecursionError as error:
            raise TemplateRefused(f"prompt {self.name!r} is nested too deeply") from error
