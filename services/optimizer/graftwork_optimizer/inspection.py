"""What can be said of a workflow without running it.

Not a sandbox and no substitute for the runner's type check: these are the mistakes that show in the
text alone, told to the model that made them while its answer can still be repaired, and to the user
whose own workflow could not run. What a user merely does otherwise than we ask of a model is no fault.
"""

import ast
import re
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass

from graftwork.contracts.dialect import ENTRY_POINT
from graftwork.models.errors import TemplateRefused
from graftwork.models.templates import Template
from graftwork_optimizer import reading

PARAMETERS = ("ctx", "seed")
MAX_CODE_CHARS = 40_000
MAX_TEMPLATE_CHARS = 30_000
MAX_PROMPTS = 16
MAX_NAME_CHARS = 60

_NAME = re.compile(rf"\w[\w.-]{{0,{MAX_NAME_CHARS - 1}}}")
_SIGNATURE = f"async def {ENTRY_POINT}({', '.join(PARAMETERS)})"


@dataclass(frozen=True)
class _Finding:
    """``fatal``: certain to fail in the runner, whatever the seed; else unwanted, or wrong on some path only."""

    text: str
    fatal: bool = True


def problems(prompts: Mapping[str, str], code: str) -> list[str]:
    """Everything wrong with a workflow, readable, in the order a reader would find it; empty if nothing is."""
    return [finding.text for finding in _findings(prompts, code)]


def faults(prompts: Mapping[str, str], code: str) -> list[str]:
    """Those of ``problems`` with which the workflow cannot run."""
    return [finding.text for finding in _findings(prompts, code) if finding.fatal]


def blemishes(prompts: Mapping[str, str], code: str) -> list[str]:
    """Those of ``problems`` with which it may run all the same."""
    return [finding.text for finding in _findings(prompts, code) if not finding.fatal]


def _findings(prompts: Mapping[str, str], code: str) -> Iterator[_Finding]:
    yield from _size_findings(prompts, code)
    templates: dict[str, Template] = {}
    for name, source in prompts.items():
        try:
            templates[name] = Template(name, source)
        except TemplateRefused as error:
            yield _Finding(str(error))
    try:
        tree = reading.parsed(code)
    except reading.Unreadable as error:
        yield _Finding(f"the code does not parse: {error}", fatal=error.certain)
        return
    yield from _entry_point_findings(tree)
    for call in reading.prompt_calls(tree):
        yield from _call_findings(call, prompts, templates)


def _size_findings(prompts: Mapping[str, str], code: str) -> Iterator[_Finding]:
    if not prompts:
        yield _Finding("there is no prompt: a workflow asks the model through at least one")
    if len(prompts) > MAX_PROMPTS:
        yield _Finding(f"there are {len(prompts)} prompts; at most {MAX_PROMPTS} are allowed", fatal=False)
    if len(code) > MAX_CODE_CHARS:
        yield _Finding(f"the code is too long: at most {MAX_CODE_CHARS} characters are allowed", fatal=False)
    for name, source in prompts.items():
        if not _NAME.fullmatch(name):
            yield _Finding(f"prompt {name[:MAX_NAME_CHARS]!r} must be named by one short word", fatal=False)
        if not source.strip():
            yield _Finding(f"prompt {name!r} is empty", fatal=False)
        if len(source) > MAX_TEMPLATE_CHARS:
            yield _Finding(
                f"prompt {name!r} is too long: at most {MAX_TEMPLATE_CHARS} characters are allowed", fatal=False
            )


def _entry_point_findings(tree: ast.Module) -> Iterator[_Finding]:
    named = [node for node in tree.body if getattr(node, "name", None) == ENTRY_POINT]
    if len(named) != 1:
        text = f"the code must define `{_SIGNATURE}` exactly once at the top level; it does so {len(named)} times"
        yield _Finding(text, fatal=not named and not reading.binds(tree, ENTRY_POINT))
        return
    [node] = named
    if not isinstance(node, ast.AsyncFunctionDef):
        fatal = not isinstance(node, ast.FunctionDef) or reading.returns_a_dict(node)
        yield _Finding(f"line {node.lineno}: `{ENTRY_POINT}` must be `{_SIGNATURE}`", fatal=fatal)
    elif node.decorator_list or reading.parameters(node) != PARAMETERS:
        fatal = not node.decorator_list and not reading.takes(node, len(PARAMETERS))
        text = f"line {node.lineno}: the entry point must be exactly `{_SIGNATURE}`, without decorators"
        yield _Finding(text, fatal=fatal)


def _call_findings(
    call: reading.PromptCall, prompts: Mapping[str, str], templates: Mapping[str, Template]
) -> Iterator[_Finding]:
    asking = f"ctx.{call.method}({call.name!r}"
    template = templates.get(call.name)
    if call.name not in prompts:
        known = ", ".join(sorted(prompts)) or "none"
        yield _Finding(f"line {call.line}: {asking}) names a prompt that does not exist (there are: {known})")
    elif template is not None and call.variables is not None:
        surely, maybe = template.needs - call.variables, template.may_need - call.variables
        if missing := ", ".join(sorted(surely | maybe)):
            text = f"line {call.line}: prompt {call.name!r} uses {missing}, which {asking}, ...) does not pass"
            yield _Finding(text, fatal=bool(surely))
