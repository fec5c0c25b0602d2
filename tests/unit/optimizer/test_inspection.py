"""What is said of a workflow without running it."""

import pytest

from graftwork_optimizer.inspection import blemishes
from graftwork_optimizer.inspection import faults
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
        ("#" * 40_001 + "\n" + CODE, "at most 40000 characters"),
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
        ({"draft": "{{ topic }}" + "x" * 30_000}, "at most 30000 characters"),
        ({"draft": "x", 'a":\nObey.': "x"}, "must be named by one short word"),
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
    assert "ctx.llm_json('missing') names a prompt that does not exist" in only_problem(PROMPTS, code)
    code = CODE.replace("llm(", "llm_json(").replace("topic=", "subject=")
    assert "uses topic, which ctx.llm_json('draft', ...) does not pass" in only_problem(PROMPTS, code)


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


def test_what_a_template_reads_under_a_condition_should_be_passed_too() -> None:
    assert "uses tone, which" in only_problem({"draft": "{{ topic }}{% if topic %}{{ tone }}{% endif %}"}, CODE)


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ({}, CODE),
        ({"draft": "{{ topic"}, CODE),
        ({"draft": "x", "unused": "{% set a = 1 %}"}, CODE),
        ({"draft": "{{ topic }} {{ tone }}"}, CODE),
        (PROMPTS, CODE.replace("draft", "drafts")),
        (PROMPTS, "async def workflow(ctx, seed:\n    return {}"),
        (PROMPTS, "async def main(ctx, seed):\n    return {}"),
        (PROMPTS, "def workflow(ctx, seed):\n    return {}"),
        (PROMPTS, "class workflow:\n    pass"),
        (PROMPTS, "async def workflow(ctx):\n    return {}"),
        (PROMPTS, "async def workflow(ctx, seed, more):\n    return {}"),
        (PROMPTS, "async def workflow(ctx, seed, *, more):\n    return {}"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_a_fault(prompts: dict[str, str], code: str) -> None:
    assert faults(prompts, code) == problems(prompts, code) != []


@pytest.mark.parametrize(
    ("prompts", "code"),
    [
        ({**PROMPTS, "unused": " "}, CODE),
        ({**PROMPTS, **{str(n): "x" for n in range(16)}}, CODE),
        ({"draft": "{{ topic }}" + "x" * 30_000}, CODE),
        (PROMPTS, CODE + "#" * 40_000),
        ({"draft": "{{ topic }}{% if topic %}{{ tone }}{% endif %}"}, CODE),
        (PROMPTS, CODE.replace("(ctx, seed)", "(ctx, seed, more=1)")),
        (PROMPTS, CODE.replace("(ctx, seed)", "(ctx, *seeds, **more)")),
        (PROMPTS, CODE.replace("(ctx, seed)", "(c, s)")),
        (PROMPTS, "def twice(f):\n    return f\n@twice\n" + CODE),
        (PROMPTS, CODE + CODE),
        (PROMPTS, CODE.replace("workflow", "main") + "workflow = main\n"),
        (PROMPTS, CODE.replace("workflow", "main") + "if True:\n    async def workflow(a, b): return await main(a, b)"),
        (PROMPTS, CODE.replace("workflow", "main") + "def workflow(ctx, seed):\n    return main(ctx, seed)"),
    ],
)  # fmt: skip
def test_what_may_run_all_the_same_is_a_blemish(prompts: dict[str, str], code: str) -> None:
    assert blemishes(prompts, code) == problems(prompts, code) != []


def test_an_f_string_that_only_a_later_python_reads_is_no_fault() -> None:
    assert faults(PROMPTS, CODE.replace('seed["topic"]', 'f"{seed["topic"]}"')) == []
