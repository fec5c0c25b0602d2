"""Sentences that a very small model adds to a prompt (recipe for models that cannot rewrite a template).

They stand between two Jinja comments, which a template may place where advice reads well; without
them they go to the end. At most three are kept, the oldest leaves first, so a prompt cannot grow
without bound.
"""

import re
from collections.abc import Mapping

from graftwork.contracts.workflows import Workflow
from graftwork_optimizer.errors import NothingToRefine
from graftwork_optimizer.reading import first_prompt

MAX_SENTENCES = 3
OPENING = "{# advice #}"
CLOSING = "{# end of advice #}"

_SECTION = re.compile(rf"{re.escape(OPENING)}(.*?){re.escape(CLOSING)}", re.DOTALL)


def with_sentence(template: str, sentence: str) -> str:
    """Return ``template`` with ``sentence`` among its advice; unchanged when it is there already."""
    there, new = sentences_of(template), plain(sentence)
    if new in there:
        return template
    section = "\n".join([OPENING, *[*there, new][-MAX_SENTENCES:], CLOSING])
    found = _SECTION.search(template)
    if found is None:
        return f"{template.rstrip()}\n{section}"
    return template[: found.start()] + section + template[found.end() :]


def sentences_of(template: str) -> list[str]:
    """Return the advice in ``template``, oldest first."""
    found = _SECTION.search(template)
    return [line for line in found[1].splitlines() if line.strip()] if found else []


def advised_prompt(workflow: Workflow) -> str:
    """Name of the prompt that takes advice: the one that marks a place for it, else the first the code asks for.

    Raises ``NothingToRefine``.
    """
    marked = [name for name, template in workflow.prompts.items() if OPENING in template]
    name = marked[0] if marked else first_prompt(workflow.code)
    if name is None or name not in workflow.prompts:
        raise NothingToRefine("the code asks for no prompt by name, so there is nowhere to put advice")
    return name


def advised(workflow: Workflow, sentence: str) -> Mapping[str, str]:
    """Return the one prompt that changes, by name."""
    name = advised_prompt(workflow)
    return {name: with_sentence(workflow.prompts[name], sentence)}


def plain(sentence: str) -> str:
    """One line without the characters that mean something to Jinja."""
    return " ".join(sentence.translate(str.maketrans("{}", "()")).split())
