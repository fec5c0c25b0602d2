"""What is said of a workflow without running it."""

import pytest

from graftwork_optimizer.inspection import first_prompt
from graftwork_optimizer.inspection import problems

CODE = 'async def workflow(ctx, seed):\n    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
PROMPTS = {"draft": "Write about {{ topic }}."}


def only_problem(prompts: dict[str, str], code: str) -> str:
    [found] = problems(prompts, code)
    return found


def test_a_sound_workflow_has_no_problem() -> None:
    assert problems(PROMPTS, CODE) == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ('async def workflow(ctx, seed):\n    draft = (await ctx.llm("draft"', "does not parse: line 2"),
        ("x = '\0'", "does not parse: source code"),
        ("(" * 500 + ")" * 500, "does not parse"),
        ("async def main(ctx, seed):\n    return {}", "exactly once at the top level; it does so 0 times"),
        (CODE + CODE, "exactly once at the top level; it does so 2 times"),
        ("def workflow(ctx, seed):\n    return {}", "line 1: `workflow` must be `async def workflow(ctx, seed)`"),
        ("class workflow:\n    pass", "line 1: `workflow` must be"),
        ("async def workflow(seed, ctx):\n    return {}", "must be exactly `async def workflow(ctx, seed)`"),
        ("async def workflow(ctx, seed, n=1):\n    return {}", "must be exactly"),
        ("async def workflow(ctx, *seed):\n    return {}", "must be exactly"),
        ("def twice(f):\n    return f\n@twice\nasync def workflow(ctx, seed):\n    return {}", "without decorators"),
        (CODE.replace("draft", "drafts"), "line 2: ctx.llm('drafts') names a prompt that does not exist"),
        (CODE.replace("topic=", "subject="), "prompt 'draft' uses topic, which ctx.llm('draft', ...) does not pass"),
        ("#" * 40_001 + "\n" + CODE, "at most 40000 are allowed"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_code_is_told(code: str, problem: str) -> None:
    assert problem in only_problem(PROMPTS, code)


@pytest.mark.parametrize(
    ("prompts", "problem"),
    [
        ({}, "there is no prompt"),
        ({"draft": "Write about {{ topic."}, "prompt 'draft', line 1: "),
        ({"draft": "{% if topic %}x"}, "prompt 'draft', line 1: "),
        ({"draft": "{{ topic | nosuch }}"}, "no filter 'nosuch'"),
        ({"draft": "{% set a = topic %}"}, "assign is not supported in prompts"),
        ({"draft": "{{ " + "(" * 2_000 + "topic" + ")" * 2_000 + " }}"}, "nested too deeply"),
        ({"draft": "  "}, "prompt 'draft' is empty"),
        ({"draft": "{% include 'other' %}"}, "include is not supported in prompts"),
        ({"draft": "{{ topic }}" + "x" * 30_000}, "at most 30000 are allowed"),
        ({"draft": "{{ topic }}", **{str(n): "x" for n in range(16)}}, "there are 17 prompts"),
    ],
)
def test_what_is_wrong_with_prompts_is_told(prompts: dict[str, str], problem: str) -> None:
    assert any(problem in one for one in problems(prompts, CODE))


def test_everything_wrong_is_told_at_once() -> None:
    found = problems({"draft": "{{ x"}, "def workflow(seed):\n    return ctx.llm('other')")
    assert len(found) == 3


def test_calls_through_helpers_and_llm_json_are_seen() -> None:
    code = 'async def ask(c):\n    return await c.llm_json("missing")\n' + CODE
    assert "names a prompt that does not exist" in only_problem(PROMPTS, code)


@pytest.mark.parametrize(
    "template",
    ["{{ topic }}", "plain", "{% for item in topic %}{{ item }}{{ loop.index }}{% endfor %}",
     "{% if tone is defined %}{{ tone }}{% endif %}", "{{ tone | default('calm') }}", "{# {{ tone }} #}"],
)  # fmt: skip
def test_templates_that_need_no_more_than_they_get_are_fine(template: str) -> None:
    assert problems({"draft": template}, CODE) == []


def test_hidden_variables_are_given_the_benefit_of_the_doubt() -> None:
    code = CODE.replace("topic=seed[", "**{}, topic=seed[")
    assert problems({"draft": "{{ topic }} {{ more }}"}, code) == []


def test_names_that_are_computed_are_left_to_the_runner() -> None:
    code = 'async def workflow(ctx, seed):\n    name = "dr" + "aft"\n    return {"text": await ctx.llm(name)}'
    assert problems(PROMPTS, code) == []
    assert first_prompt(code) is None


def test_the_first_prompt_is_the_one_asked_first_in_the_text() -> None:
    code = 'async def workflow(ctx, seed):\n    a = await ctx.llm("one")\n    return {"t": await ctx.llm("two", a=a)}'
    assert first_prompt(code) == "one"
