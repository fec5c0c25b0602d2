"""Sentences added to a prompt by a very small model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from graftwork.contracts.workflows import Workflow
from graftwork_optimizer.advice import CLOSING
from graftwork_optimizer.advice import OPENING
from graftwork_optimizer.advice import advised
from graftwork_optimizer.advice import advised_prompt
from graftwork_optimizer.advice import plain
from graftwork_optimizer.advice import sentences_of
from graftwork_optimizer.advice import with_sentence
from graftwork_optimizer.errors import NothingToRefine

CODE = 'async def workflow(ctx, seed):\n    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
TEMPLATE = "Write about {{ topic }}."


def rendered(template: str) -> str:
    return ImmutableSandboxedEnvironment(trim_blocks=True).from_string(template).render(topic="rain")


def test_a_sentence_goes_to_the_end() -> None:
    assert rendered(with_sentence(TEMPLATE, "Use short words.")) == "Write about rain.\nUse short words.\n"


def test_a_sentence_goes_where_the_template_wants_it() -> None:
    template = f"Write.\n{OPENING}\n{CLOSING}\nTopic: {{{{ topic }}}}"
    assert rendered(with_sentence(template, "Use short words.")) == "Write.\nUse short words.\nTopic: rain"


def test_three_sentences_are_kept_and_the_oldest_leaves() -> None:
    template = TEMPLATE
    for sentence in ("One.", "Two.", "Three.", "Four."):
        template = with_sentence(template, sentence)
    assert sentences_of(template) == ["Two.", "Three.", "Four."]
    assert template.count(OPENING) == 1


def test_a_sentence_that_is_there_changes_nothing() -> None:
    once = with_sentence(TEMPLATE, "Use short words.")
    assert with_sentence(once, "Use  short words.\n") == once


@given(st.text(min_size=1, max_size=120))
def test_a_sentence_can_never_break_the_template(sentence: str) -> None:
    assert rendered(with_sentence(TEMPLATE, sentence)).startswith("Write about rain.\n")


@given(st.text(min_size=1, max_size=60).filter(plain))
def test_the_template_around_the_advice_stays_as_it_is(sentence: str) -> None:
    assert with_sentence(TEMPLATE, sentence).startswith(TEMPLATE)
    assert sentences_of(with_sentence(TEMPLATE, sentence)) == [plain(sentence)]


def test_the_prompt_that_marks_a_place_is_advised() -> None:
    prompts = {"draft": TEMPLATE, "polish": f"{OPENING}{CLOSING}"}
    assert advised_prompt(Workflow(prompts=prompts, code=CODE)) == "polish"


def test_else_the_prompt_that_the_code_asks_first_is_advised() -> None:
    workflow = Workflow(prompts={"unused": "x", "draft": TEMPLATE}, code=CODE)
    assert list(advised(workflow, "Be brief and exact.")) == ["draft"]


def test_without_a_prompt_there_is_nothing_to_refine() -> None:
    with pytest.raises(NothingToRefine):
        advised_prompt(Workflow(prompts={"draft": "x"}, code="async def workflow(ctx, seed):\n    return {}"))
