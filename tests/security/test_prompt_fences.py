"""Every variable of every prompt stands behind a fence, or is on a list that says why it needs none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment
from jinja2 import nodes

ROOT = Path(__file__).parents[2]
PROMPTS = sorted(ROOT.glob("services/*/graftwork_*/prompts/*.j2"))
GUARDS = {"fenced", "labelled"}
NUMBERS = {"length", "format"}
OURS = {
    "dialect.strip()": "the rules of the runtime, written by us",
    "stubs.strip()": "the stubs of ctx and seed, written by us",
    "scope": "one of three words, checked with the job",
    "loop.index": "a number",
    "fewest": "a number, checked with the job",
    "most": "a number, checked with the job",
    "fewest_facets": "a number of ours",
    "most_facets": "a number of ours",
    "fewest_values": "a number of ours",
    "most_values": "a number of ours",
}


def outputs(node: nodes.Node) -> Iterator[nodes.Expr]:
    """Expressions that a template puts out; what it collects in a variable is put out with that variable."""
    if isinstance(node, nodes.AssignBlock):
        return
    if isinstance(node, nodes.Output):
        yield from (child for child in node.nodes if not isinstance(child, nodes.TemplateData))
    for child in node.iter_child_nodes():
        yield from outputs(child)


def is_safe(expression: nodes.Expr) -> bool:
    match expression:
        case nodes.Const():
            return True
        case nodes.Filter(name=name):
            return name in GUARDS | NUMBERS
    return said(expression) in OURS


def said(expression: nodes.Node) -> str:
    """As it stands in the template, as far as the list of ours needs it."""
    match expression:
        case nodes.Name(name=name):
            return str(name)
        case nodes.Getattr(node=inner, attr=name):
            return f"{said(inner)}.{name}"
        case nodes.Call(node=inner):
            return f"{said(inner)}()"
    return repr(expression)


def unfenced(source: str) -> list[str]:
    tree = Environment(autoescape=False).parse(source)  # noqa: S701 - nothing is rendered
    return [said(expression) for expression in outputs(tree) if not is_safe(expression)]


@pytest.mark.parametrize("path", PROMPTS, ids=[path.name for path in PROMPTS])
def test_nothing_that_others_wrote_is_put_into_a_prompt_as_it_is(path: Path) -> None:
    assert unfenced(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ task }}",
        "{{ task | trim }}",
        "{{ (task | fenced) ~ task }}",
        "{% for s in samples %}{{ s.record }}{% endfor %}",
        "{% if x %}{{ x | fenced | upper }}{% endif %}",
        "{{ task if task else 'none' }}",
        "{% include 'other.j2' %}{{ scope ~ task }}",
    ],
)
def test_the_lint_sees_what_is_not_fenced(source: str) -> None:
    assert len(unfenced(source)) == 1


def test_there_are_prompts_to_look_at() -> None:
    assert len(PROMPTS) >= 14
    assert {path.parents[1].name for path in PROMPTS} == {"graftwork_evaluator", "graftwork_optimizer"}


def test_the_list_of_ours_has_nothing_that_no_prompt_uses() -> None:
    used = {
        said(expression)
        for path in PROMPTS
        for expression in outputs(Environment(autoescape=False).parse(path.read_text()))  # noqa: S701
    }
    assert set(OURS) - used == set()
