import itertools

import pytest
from jinja2 import Environment
from jinja2 import StrictUndefined
from jinja2 import meta
from jsonschema import Draft202012Validator

from tests.support.scripted_model import Quality
from tests.support.scripted_model.instances import UnsupportedSchemaError
from tests.support.scripted_model.workflows import calls_in
from tests.unit.support import asking

STARTER = """
async def workflow(ctx, seed):
    question = await ctx.llm("question", topic=seed["topic"], level=str(seed.get("level", "(any)")))
    answer = await ctx.llm("answer", question=question)
    return {"prompt": question, "completion": answer}
"""


@pytest.mark.parametrize("role", sorted(asking.SCHEMAS))
@pytest.mark.parametrize("seed", range(4))
def test_every_role_gets_an_answer_that_fits_its_schema(role: str, seed: int) -> None:
    found = asking.answer(f"Task: {asking.TASK}\n{asking.RECORD}", role=role, seed=seed)
    Draft202012Validator(asking.SCHEMAS[role]).validate(found)


def test_answers_depend_on_seed_and_request_alone() -> None:
    for role in asking.SCHEMAS:
        assert asking.text(asking.TASK, role=role, seed=1) == asking.text(asking.TASK, role=role, seed=1)
    assert asking.text(asking.TASK, seed=1) != asking.text(asking.TASK, seed=2)


def test_texts_for_different_prompts_share_few_phrases() -> None:
    def phrases(text: str) -> set[tuple[str, ...]]:
        words = text.lower().split()
        return set(zip(words, words[1:], words[2:], strict=False))

    texts = [phrases(asking.text(f"Topic: topic {place}")) for place in range(60)]
    overlap = max(len(a & b) / len(a | b) for a, b in itertools.combinations(texts, 2))
    assert overlap < 0.6


def test_the_calls_of_a_workflow_are_read_from_its_code() -> None:
    assert calls_in(f"Code:\n{STARTER}") == {"question": ("topic", "level"), "answer": ("question",)}


def test_in_scope_prompts_the_names_and_variables_stay() -> None:
    schema = asking.strict(modification={"type": "string"}, prompts=asking.PROMPTS)
    found = asking.answer(f"Code:\n{STARTER}", role="refine_workflow", schema=schema)
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - prompts are plain text
    variables = {
        one["name"]: meta.find_undeclared_variables(environment.parse(one["template"])) for one in found["prompts"]
    }
    assert variables == {"question": {"topic", "level"}, "answer": {"question"}}


def test_a_refinement_keeps_the_instructions_it_builds_on() -> None:
    first = asking.answer(f"Task: {asking.TASK}", role="init_workflow")
    added = first["prompts"][0]["template"].splitlines()[-2]
    second = asking.answer(asking.shown(first), role="refine_workflow")
    assert added in second["prompts"][0]["template"]


def test_a_tried_modification_comes_back_only_as_often_as_asked() -> None:
    tried = asking.answer("one", role="refine_workflow", knobs=Quality(good_share=1))["modification"]
    shown = f"Tried: {tried}"
    fresh = {
        asking.answer(shown, role="refine_workflow", seed=seed, knobs=Quality(good_share=1, repeat_share=0))[
            "modification"
        ]
        for seed in range(30)
    }
    repeated = asking.answer(shown, role="refine_workflow", knobs=Quality(good_share=1, repeat_share=1))
    assert tried not in fresh
    assert repeated["modification"] == tried


def test_metric_names_come_from_the_schema_first() -> None:
    cell = asking.strict(
        metric={"enum": ["Warmth", "Truth"]}, justification={"type": "string"}, score={"enum": [1, 2, 3]}
    )
    schema = {
        "type": "object",
        "properties": {"judgements": {"type": "array", "items": {"$ref": "#/$defs/Cell"}}},
        "required": ["judgements"],
        "$defs": {"Cell": cell},
    }
    found = asking.answer("a sample [q=0.300]", role="score_sample", schema=schema)
    assert [one["metric"] for one in found["judgements"]] == ["Warmth", "Truth"]


def test_metric_names_come_from_list_items_otherwise() -> None:
    found = asking.answer("- **Warmth**: it is warm\n- Truth: it is true\nSample [q=0.5]", role="score_sample")
    assert [one["metric"] for one in found["judgements"]] == ["Warmth", "Truth"]


@pytest.mark.parametrize(("said", "counts"), [("exactly 3 metrics", {3}), ("between 4 and 6 metrics", {4, 5, 6})])
def test_as_many_metrics_are_proposed_as_the_prompt_asks_for(said: str, counts: set[int]) -> None:
    found = {len(asking.answer(f"Propose {said}.", role="propose_metrics", seed=seed)["metrics"]) for seed in range(40)}
    assert found == counts


def test_compact_scores_follow_the_quality() -> None:
    cell = asking.strict(why={"type": "string", "maxLength": 40}, score={"enum": [1, 2, 3, 4, 5]})
    schema = asking.strict(m1=cell, m2=cell, m3=cell)
    found = asking.answer("sample [q=1.000]", role="score_sample", schema=schema)
    assert [found[name]["score"] for name in ("m1", "m2", "m3")] == [5, 5, 5]
    assert max(len(found[name]["why"]) for name in found) <= 40


def test_a_compact_refinement_carries_its_quality_in_the_sentence_to_add() -> None:
    schema = asking.strict(modification={"type": "string"}, add={"type": "string", "maxLength": 100})
    found = asking.answer("Quality marker q=0.500", role="refine_workflow", schema=schema)
    assert "Quality marker q=" in found["add"]


def test_an_unknown_schema_gets_a_minimal_valid_instance() -> None:
    schema = {
        "type": "object",
        "properties": {
            "child": {"type": "string", "pattern": "^[A-Z][a-z]{2,8}$"},
            "age": {"type": "integer", "minimum": 4, "maximum": 12},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "place": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Place"}]},
            "note": {"type": ["string", "null"], "minLength": 300, "maxLength": 320},
            "free": {"type": "string"},
        },
        "required": ["child", "age", "share", "place", "note"],
        "$defs": {"Place": {"type": "object", "properties": {"kind": {"const": "park"}}, "required": ["kind"]}},
    }
    found = asking.answer("Make one.", role="story", schema=schema)
    Draft202012Validator(schema).validate(found)
    assert set(found) == {"child", "age", "share", "place", "note"}
    assert found["place"] == {"kind": "park"}


def test_a_schema_without_instances_is_refused() -> None:
    schema = asking.strict(text={"type": "string", "minLength": 5, "maxLength": 4})
    with pytest.raises(UnsupportedSchemaError, match="cannot fill the schema"):
        asking.text("Make one.", role="impossible", schema=schema)
