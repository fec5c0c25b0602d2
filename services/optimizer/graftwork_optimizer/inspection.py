"""What can be said of a workflow without running it.

Not a sandbox and no substitute for the runner's type check: these are the mistakes that are certain
from the text alone, told to the model that made them while its answer can still be repaired.
"""

import ast
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment
from jinja2 import meta
from jinja2 import nodes

from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.models.errors import TemplateRefused
from graftwork.models.templates import Template

PARAMETERS = ("ctx", "seed")
MAX_CODE_CHARS = 40_000
MAX_TEMPLATE_CHARS = 30_000
MAX_PROMPTS = 16

_ASKING = {"llm", "llm_json"}
_PARSER = Environment(autoescape=False)  # noqa: S701 - it never renders


@dataclass(frozen=True)
class PromptCall:
    """One ``ctx.llm(name, ...)`` of the code. ``variables`` is None where ``**`` hides them."""

    name: str
    variables: frozenset[str] | None
    line: int


def problems(prompts: Mapping[str, str], code: str) -> list[str]:
    """Everything wrong with a workflow, readable, in the order a reader would find it; empty if nothing is."""
    found = [*_size_problems(prompts, code)]
    variables, faults = _read_templates(prompts)
    found += faults
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError) as error:
        return [*found, f"the code does not parse: {_where(error)}"]
    found += _entry_point_problems(tree)
    for call in prompt_calls(tree):
        found += _call_problems(call, prompts, variables)
    return found


def prompt_calls(tree: ast.AST) -> Iterator[PromptCall]:
    """Calls of ``ctx.llm`` and ``ctx.llm_json`` with a literal name, however ``ctx`` is called there."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=method), args=[ast.Constant(value=str(name)), *_], keywords=keywords
            ) if method in _ASKING:
                given = [keyword.arg for keyword in keywords]
                known = None if None in given else frozenset(filter(None, given))
                yield PromptCall(name, known, node.lineno)


def first_prompt(code: str) -> str | None:
    """Name of the prompt the code asks for first, or None."""
    calls = sorted(prompt_calls(ast.parse(code)), key=lambda call: call.line)
    return calls[0].name if calls else None


def _size_problems(prompts: Mapping[str, str], code: str) -> Iterator[str]:
    if not prompts:
        yield "there is no prompt: a workflow asks the model through at least one"
    if len(prompts) > MAX_PROMPTS:
        yield f"there are {len(prompts)} prompts; at most {MAX_PROMPTS} are allowed"
    if len(code) > MAX_CODE_CHARS:
        yield f"the code has {len(code)} characters; at most {MAX_CODE_CHARS} are allowed"


def _read_templates(prompts: Mapping[str, str]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Variables each template needs, and what is wrong with those that cannot be read."""
    variables: dict[str, frozenset[str]] = {}
    faults: list[str] = []
    for name, template in prompts.items():
        if not template.strip():
            faults.append(f"prompt {name!r} is empty")
        if len(template) > MAX_TEMPLATE_CHARS:
            faults.append(f"prompt {name!r} has {len(template)} characters; at most {MAX_TEMPLATE_CHARS} are allowed")
        try:
            Template(name, template)
            variables[name] = _needed_variables(_PARSER.parse(template))
        except TemplateRefused as error:
            faults.append(str(error))
        except RecursionError:
            faults.append(f"prompt {name!r} is nested too deeply")
    return variables, faults


def _needed_variables(template: nodes.Template) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(template)) - _optional_variables(template)


def _optional_variables(template: nodes.Template) -> set[str]:
    """Names the template itself provides for being absent: ``x is defined``, ``x | default(...)``."""
    asked = [test.node for test in template.find_all(nodes.Test) if test.name in {"defined", "undefined"}]
    replaced = [one.node for one in template.find_all(nodes.Filter) if one.name in {"default", "d"}]
    return {node.name for node in [*asked, *replaced] if isinstance(node, nodes.Name)}


def _entry_point_problems(tree: ast.Module) -> Iterator[str]:
    signature = f"async def {ENTRY_POINT}({', '.join(PARAMETERS)})"
    named = [node for node in tree.body if getattr(node, "name", None) == ENTRY_POINT]
    if len(named) != 1:
        yield f"the code must define `{signature}` exactly once at the top level; it does so {len(named)} times"
        return
    [node] = named
    if not isinstance(node, ast.AsyncFunctionDef):
        yield f"line {node.lineno}: `{ENTRY_POINT}` must be `{signature}`"
        return
    arguments = node.args
    names = tuple(argument.arg for argument in [*arguments.posonlyargs, *arguments.args])
    if names != PARAMETERS or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or node.decorator_list:
        yield f"line {node.lineno}: the entry point must be exactly `{signature}`, without decorators"


def _call_problems(
    call: PromptCall, prompts: Mapping[str, str], variables: Mapping[str, frozenset[str]]
) -> Iterator[str]:
    if call.name not in prompts:
        known = ", ".join(sorted(prompts)) or "none"
        yield f"line {call.line}: ctx.llm({call.name!r}) names a prompt that does not exist (there are: {known})"
    elif call.variables is not None and (missing := variables.get(call.name, frozenset()) - call.variables):
        yield (
            f"line {call.line}: prompt {call.name!r} uses {', '.join(sorted(missing))}, "
            f"which ctx.llm({call.name!r}, ...) does not pass"
        )


def _where(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"line {error.lineno}: {error.msg}"
    return str(error) or type(error).__name__
