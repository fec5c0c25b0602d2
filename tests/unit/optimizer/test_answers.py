"""Answers of the Optimizer LLM are read strictly: every kind of bad answer is a readable error."""

import json
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from graftwork.contracts.events import WorkflowKind
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.jobs import Scope
from graftwork.contracts.workflows import Workflow
from graftwork.models.roles import readable
from graftwork_optimizer import roles
from graftwork_optimizer.advice import sentences_of

SPEC = JobSpec(task="Explain fractions to children.", count=1)
COMPACT = SPEC.model_copy(update={"models": ModelsSpec(profile=Profile.COMPACT)})
CODE = 'async def workflow(ctx, seed):\n    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
PARENT = Workflow(prompts={"draft": "Write about {{ topic }}."}, code=CODE)
GOOD_CODE = {"clarity": 5, "efficiency": 4, "robustness": 3}
SHOWN = {"prompts": PARENT.prompts, "code": PARENT.code}


def whole(*, template: str = "Explain {{ topic }}.", code: str = CODE, **more: object) -> str:
    prompts = [{"name": "draft", "template": template}]
    return json.dumps({"modification": "Explain", "prompts": prompts, "code": code, **more})


def changed(**templates: str) -> str:
    prompts = [{"name": name, "template": template} for name, template in templates.items()]
    return json.dumps({"modification": "Explain", "prompts": prompts})


def refusal(text: str, *, kind: WorkflowKind = WorkflowKind.REFINE, scope: Scope = Scope.BOTH) -> str:
    with pytest.raises(ValidationError) as refused:
        roles.workflow_call(kind, scope).accept(SPEC, text, {} if kind is WorkflowKind.INITIAL else SHOWN)
    return readable(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF"),
        ("```python\nasync def workflow", "Invalid JSON"),
        (whole()[:40], "Invalid JSON: EOF"),
        ("[]", "Input should be an object"),
        ("{}", "code: Field required"),
        (whole(modification=" "), "modification: Value error, must not be empty"),
        (whole(notes="done"), "notes: Extra inputs are not permitted"),
        (whole(template=""), "prompts.0.template: Value error, must not be empty"),
        (whole(template="{{ topic"), "prompt 'draft', line 1: "),
        (whole(template="{{ topic }} {{ tone }}"), "uses tone, which ctx.llm('draft', ...) does not pass"),
        (whole(code=""), "code: Value error, must not be empty"),
        (whole(code="def workflow(:"), "the code does not parse: line 1"),
        (whole(code="async def main(ctx, seed): ..."), "`async def workflow(ctx, seed)` exactly once"),
        (whole(code=CODE.replace("draft", "sketch")), "ctx.llm('sketch') names a prompt that does not exist"),
        (whole(prompts=[]), "there is no prompt"),
        (whole(prompts=[{"name": "draft", "template": "x"}] * 2), "prompt 'draft' is given 2 times"),
    ],
)
@pytest.mark.parametrize("kind", [WorkflowKind.INITIAL, WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE])
def test_bad_workflows_are_refused(kind: WorkflowKind, text: str, problem: str) -> None:
    assert problem in refusal(text, kind=kind)


def test_a_whole_workflow_is_taken_as_it_is() -> None:
    answer = roles.INIT_WORKFLOW.accept(SPEC, whole(modification="Explain\n it"), {})
    assert answer.modification == "Explain it"
    assert answer.applied_to(None) == Workflow(prompts={"draft": "Explain {{ topic }}."}, code=CODE)


def test_an_endless_modification_is_cut() -> None:
    assert len(roles.INIT_WORKFLOW.accept(SPEC, whole(modification="x" * 5_000), {}).modification) == 400


def test_the_same_workflow_is_no_modification() -> None:
    same = whole(template="Write about  {{ topic }}.", code=f"# a comment\n{CODE}")
    assert "nothing was changed" in refusal(same)


def test_changed_prompts_keep_the_code_byte_for_byte() -> None:
    parent = Workflow(prompts={**PARENT.prompts, "other": "Kept."}, code=CODE + "  # kept \n\n")
    shown = {"prompts": parent.prompts, "code": parent.code}
    call = roles.workflow_call(WorkflowKind.REFINE, Scope.PROMPTS)
    child = call.accept(SPEC, changed(draft="Explain {{ topic }}."), shown).applied_to(parent)
    assert child.code == parent.code
    assert dict(child.prompts) == {"draft": "Explain {{ topic }}.", "other": "Kept."}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (changed(), "prompts: List should have at least 1 item"),
        (changed(polish="x"), "the code asks for the prompts draft; there is no polish"),
        (changed(draft="{{ tone }}"), "uses tone, which ctx.llm('draft', ...) does not pass"),
        (changed(draft="Write about {{ topic }}."), "nothing was changed"),
        (whole(), "code: Extra inputs are not permitted"),
    ],
)
@pytest.mark.parametrize("kind", [WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE])
def test_in_scope_prompts_nothing_else_may_change(kind: WorkflowKind, text: str, problem: str) -> None:
    assert problem in refusal(text, kind=kind, scope=Scope.PROMPTS)


def new_code(code: str, **more: object) -> str:
    return json.dumps({"modification": "Check it", "code": code, **more})


def test_changed_code_keeps_the_prompts_byte_for_byte() -> None:
    parent = Workflow(prompts={"draft": "Write about {{ topic }}.  \n\n", "unused": "Kept."}, code=CODE)
    shown = {"prompts": parent.prompts, "code": parent.code}
    call = roles.workflow_call(WorkflowKind.REFINE, Scope.CODE)
    child = call.accept(SPEC, new_code(f"import re\n{CODE}"), shown).applied_to(parent)
    assert child.prompts == parent.prompts
    assert child.code == f"import re\n{CODE}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps({"modification": "Check it"}), "code: Field required"),
        (new_code(f"# a comment\n{CODE}"), "nothing was changed"),
        (new_code(CODE.replace("draft", "polish")), "names a prompt that does not exist (there are: draft)"),
        (new_code(CODE.replace("topic=", "subject=")), "prompt 'draft' uses topic, which"),
        (whole(code=f"import re\n{CODE}"), "prompts: Extra inputs are not permitted"),
    ],
)
@pytest.mark.parametrize("kind", [WorkflowKind.REFINE, WorkflowKind.REPAIR, WorkflowKind.REVISE])
def test_in_scope_code_nothing_else_may_change(kind: WorkflowKind, text: str, problem: str) -> None:
    assert problem in refusal(text, kind=kind, scope=Scope.CODE)


def test_a_change_is_not_refused_for_what_the_users_own_workflow_does_otherwise() -> None:
    own = Workflow(
        prompts={**PARENT.prompts, "long": "x" * 30_001}, code=CODE.replace("(ctx, seed)", "(ctx, seed, n=1)")
    )
    own_shown = {"prompts": own.prompts, "code": own.code}
    call = roles.workflow_call(WorkflowKind.REFINE, Scope.PROMPTS)
    child = call.accept(SPEC, changed(draft="Explain {{ topic }}."), own_shown).applied_to(own)
    assert child.prompts["draft"] == "Explain {{ topic }}."
    with pytest.raises(ValidationError, match="uses tone, which"):
        call.accept(SPEC, changed(draft="Explain {{ tone }}."), own_shown)


def test_a_first_workflow_needs_code_in_any_scope() -> None:
    assert roles.workflow_call(WorkflowKind.INITIAL, Scope.PROMPTS) is roles.INIT_WORKFLOW


@pytest.mark.parametrize("scope", [Scope.PROMPTS, Scope.BOTH])
def test_a_compact_refinement_appends_one_sentence(scope: Scope) -> None:
    text = json.dumps({"modification": "Ask for examples", "add": "Give one {{ short }} example."})
    answer = roles.workflow_call(WorkflowKind.REFINE, scope).accept(COMPACT, text, SHOWN)
    child = answer.applied_to(PARENT)
    assert answer.modification == "Ask for examples"
    assert child.code == PARENT.code
    assert sentences_of(child.prompts["draft"]) == ["Give one (( short )) example."]


@pytest.mark.parametrize(
    ("advice", "problem"),
    [
        ({"modification": "Ask", "add": "Give one short example, and " * 6}, "at most 120 characters"),
        ({"modification": "Ask", "add": "          "}, "add: Value error, must not be empty"),
        ({"modification": "Ask"}, "add: Field required"),
    ],
)
def test_bad_advice_is_refused(advice: dict[str, str], problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        roles.REFINE_WORKFLOW.accept(COMPACT, json.dumps(advice), SHOWN)
    assert problem in readable(refused.value)


def test_advice_that_is_there_already_changes_nothing() -> None:
    first = json.dumps({"modification": "Ask for examples", "add": "Give one example."})
    child = roles.REFINE_WORKFLOW.accept(COMPACT, first, SHOWN).applied_to(PARENT)
    with pytest.raises(ValidationError, match="nothing was changed"):
        roles.REFINE_WORKFLOW.accept(COMPACT, first, {"prompts": child.prompts, "code": child.code})


def seeds(*facets: tuple[str, Sequence[object]]) -> str:
    return json.dumps({"facets": [{"name": name, "values": values} for name, values in facets]})


def test_proposed_seeds_are_cleaned_of_repeated_values() -> None:
    five = ["a", "b", "c", "d", "e"]
    answer = roles.PROPOSE_SEEDS.accept(SPEC, seeds(("topic", [*five, "A "]), ("reader", five), ("form", five)), {})
    assert answer.by_name()["topic"] == tuple(five)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF"),
        ("topic: a, b", "Invalid JSON"),
        (seeds(("topic", ["a", "b"]))[:25], "Invalid JSON: EOF"),
        ("{}", "facets: Field required"),
        (seeds(), "3 to 6 facets are wanted, there are 0"),
        (seeds(("topic", ["a", "A", "a "]), *[(f"f{n}", list("abcde")) for n in range(2)]), "has 1 distinct values"),
        (seeds(*[("topic", list("abcde"))] * 3), "facet 'topic' appears twice"),
        (seeds(("topic", [1, 2, 3, 4, 5])), "facets.0.values.0: Input should be a valid string"),
    ],
)
def test_bad_seeds_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        roles.PROPOSE_SEEDS.accept(SPEC, text, {})
    assert problem in readable(refused.value)


def judgement(**changes: object) -> str:
    answer = {
        "code": GOOD_CODE,
        "prompt": {"clarity": 3, "specificity": 2, "effectiveness": 1},
        "notes": "Name the reader.",
    }
    return json.dumps({**answer, **changes})


def test_the_workflow_score_is_the_mean_of_code_and_prompt_quality() -> None:
    assert roles.JUDGE_WORKFLOW.accept(SPEC, judgement(), {}).to_scores().score == 3.0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF"),
        ("Well written!", "Invalid JSON"),
        (judgement()[:30], "Invalid JSON: EOF"),
        (judgement(notes=""), "notes: Value error, must not be empty"),
        (judgement(code={**GOOD_CODE, "clarity": 6}), "code.clarity: Input should be 1, 2, 3, 4 or 5"),
        (judgement(code={**GOOD_CODE, "clarity": 0}), "code.clarity: Input should be 1, 2, 3, 4 or 5"),
        (judgement(code={**GOOD_CODE, "clarity": 4.5}), "code.clarity: Value error, must be a whole number"),
        (judgement(prompt={"clarity": 4, "specificity": 4}), "prompt.effectiveness: Field required"),
        (judgement(total=25), "total: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_bad_judgements_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        roles.JUDGE_WORKFLOW.accept(SPEC, text, {})
    assert problem in readable(refused.value)


def test_compact_judgements_say_the_scores_first_and_keep_their_notes_short() -> None:
    schema = roles.JUDGE_WORKFLOW.variant(COMPACT).answer.model_json_schema()
    assert list(schema["properties"]) == ["code", "prompt", "notes"]
    assert schema["properties"]["notes"]["maxLength"] == 100
    with pytest.raises(ValidationError, match="at most 100 characters"):
        roles.JUDGE_WORKFLOW.accept(COMPACT, judgement(notes="x" * 101), {})
