"""Workflow prompts: the safe part of Jinja, rendered by us and not by Jinja.

The templates are written by a model. Jinja's own sandbox keeps them from our objects but not from our
processor and memory (``{{ "a" * 10**10 }}``, nested ranges), so only its parser is used: what can be said
is a short list of nodes.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from jinja2 import TemplateSyntaxError
from jinja2 import nodes

from graftwork.models.errors import TemplateRefused
from graftwork.models.rendering import FILTERS
from graftwork.models.rendering import FILTERS_WITH_ARGUMENT
from graftwork.models.rendering import TESTS
from graftwork.models.rendering import Rendering

_PARSER = Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)  # noqa: S701 - it never renders
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
)


def _refuse_foreign(name: str, node: nodes.Node) -> None:
    """Say at load what would fail at some later seed."""
    where = f"prompt {name!r}, line {node.lineno}"
    if not isinstance(node, _KNOWN_NODES):
        raise TemplateRefused(f"{where}: {type(node).__name__.lower()} is not supported in prompts; do it in the code")
    if isinstance(node, nodes.Filter) and node.name not in {*FILTERS, *FILTERS_WITH_ARGUMENT}:
        raise TemplateRefused(f"{where}: no filter {node.name!r} in prompts; do it in the code")
    if isinstance(node, nodes.Filter | nodes.Call) and (node.kwargs or node.dyn_args or node.dyn_kwargs):
        raise TemplateRefused(f"{where}: named arguments are not supported in prompts")
    if isinstance(node, nodes.Call) and not _asks_items(node):
        raise TemplateRefused(f"{where}: calls are not supported in prompts; do it in the code")
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        raise TemplateRefused(f"{where}: no test {node.name!r} in prompts; do it in the code")
    if isinstance(node, nodes.For) and (node.test is not None or node.recursive):
        raise TemplateRefused(f"{where}: for with a condition or recursion is not supported in prompts")
    for child in node.iter_child_nodes():
        _refuse_foreign(name, child)


def _asks_items(node: nodes.Call) -> bool:
    """``mapping.items()``, which everybody writes instead of ``mapping | items``."""
    return isinstance(node.node, nodes.Getattr) and node.node.attr == "items" and not node.args


class Template:
    """One prompt. Raises ``TemplateRefused`` with line and reason for what the dialect lacks."""

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        try:
            self._body = _PARSER.parse(source).body
            for node in self._body:
                _refuse_foreign(name, node)
        except TemplateRefused:
            raise
        except TemplateSyntaxError as error:
            raise TemplateRefused(f"prompt {name!r}, line {error.lineno}: {error.message}") from error
        except RecursionError as error:
            raise TemplateRefused(f"prompt {name!r} is nested too deeply") from error
        except ValueError as error:  # Python's own bound on the digits of a literal
            raise TemplateRefused(f"prompt {name!r}: {error}") from error

    def render(self, variables: Mapping[str, Any], *, max_chars: int) -> str:
        """Text of the prompt. ``variables`` are JSON values. Raises ``TemplateRefused``."""
        rendering = Rendering(self.name, variables, max_chars)
        try:
            return rendering.of(self._body)
        except (TypeError, IndexError, AttributeError) as error:
            raise TemplateRefused(f"prompt {self.name!r}: {error}") from error
        except RecursionError as error:
            raise TemplateRefused(f"prompt {self.name!r} is nested too deeply") from error
