"""Answers of the Evaluator LLM are read strictly: every kind of bad answer is a readable error."""

import json

import pytest
from pydantic import ValidationError

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ModelsSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.workflows import Metric
from graftwork.models.roles import readable
from graftwork_evaluator import roles
from graftwork_evaluator.answers import CompactMetrics
from graftwork_evaluator.answers import ProposedMetrics
from graftwork_evaluator.answers import compact_judgement_answer
from graftwork_evaluator.answers import judgement_answer
from graftwork_evaluator.answers import metrics_answer

SPEC = JobSpec(task="Explain fractions to children.", count=1)
COMPACT = SPEC.model_copy(update={"models": ModelsSpec(profile=Profile.COMPACT)})
METRICS = tuple(
    Metric(name=name, definition="d", positive_exemplar="p", negative_exemplar="n") for name in ("Clear", "True facts")
)


def metric(name: object = "Clear", **changed: object) -> dict[str, object]:
    texts = {"definition": "It is clear.", "positive_exemplar": "plain words", "negative_exemplar": "big words"}
    return {"name": name, **texts, **changed}


def cell(name: str, score: object = 3, justification: object = "Because.") -> dict[str, object]:
    return {"metric": name, "justification": justification, "score": score}


def row(*cells: dict[str, object]) -> str:
    return json.dumps({"judgements": cells})


def refusal_of_metrics(text: str) -> str:
    with pytest.raises(ValidationError) as refused:
        roles.propose_metrics(1, 3).accept(SPEC, text, {})
    return readable(refused.value)


def refusal_of_row(text: str) -> str:
    with pytest.raises(ValidationError) as refused:
        roles.score_sample(METRICS).accept(SPEC, text, {"metrics": METRICS})
    return readable(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF"),
        ("Here are my metrics:", "Invalid JSON"),
        ('{"metrics": [{"name": "Cl', "Invalid JSON: EOF"),
        ("[]", "Input should be an object"),
        ("{}", "metrics: Field required"),
        ('{"metrics": []}', "at least 1 item"),
        (json.dumps({"metrics": [metric(str(n)) for n in range(4)]}), "at most 3 items"),
        (json.dumps({"metrics": [metric("Clear"), metric("CLEAR")]}), "must be unique, these are not: clear"),
        (json.dumps({"metrics": [metric(definition="  ")]}), "metrics.0.definition: Value error, must not be empty"),
        (json.dumps({"metrics": [metric("x" * 81)]}), "at most 80 characters"),
        (json.dumps({"metrics": [metric(weight=1)]}), "metrics.0.weight: Extra inputs are not permitted"),
        (json.dumps({"metrics": [metric(name=3)]}), "metrics.0.name: Input should be a valid string"),
    ],
)
def test_bad_metric_sets_are_refused(text: str, problem: str) -> None:
    assert problem in refusal_of_metrics(text)


def test_a_good_metric_set_is_what_others_read() -> None:
    answer = roles.propose_metrics(1, 3).accept(SPEC, json.dumps({"metrics": [metric("Two\n words")]}), {})
    [found] = answer.to_set().metrics
    assert (found.name, found.negative_exemplar) == ("Two words", "big words")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Invalid JSON: EOF"),
        ("I would give it a 5.", "Invalid JSON"),
        ('{"judgements": [{"metric": "Clear", "jus', "Invalid JSON: EOF"),
        (row(cell("Clear")), "at least 2 items"),
        (row(cell("Clear"), cell("True facts"), cell("Clear")), "at most 2 items"),
        (row(cell("Clear"), cell("Clear")), "exactly once, but there is 'Clear' 2 times, 'True facts' 0 times"),
        (row(cell("Clear"), cell("Depth")), "judgements.1.metric: Input should be 'Clear' or 'True facts'"),
        (row(cell("Clear", 6), cell("True facts")), "judgements.0.score: Input should be 1, 2, 3, 4 or 5"),
        (row(cell("Clear", 0), cell("True facts")), "judgements.0.score: Input should be 1, 2, 3, 4 or 5"),
        (row(cell("Clear", 3.0), cell("True facts")), "judgements.0.score: Value error, must be a whole number"),
        (row(cell("Clear", score=True), cell("True facts")), "judgements.0.score: Value error, must be a whole number"),
        (row(cell("Clear", "4"), cell("True facts")), "judgements.0.score: Value error, must be a whole number"),
        (row(cell("Clear", None), cell("True facts")), "judgements.0.score: Value error, must be a whole number"),
        (row(cell("Clear", 3, ""), cell("True facts")), "judgements.0.justification: Value error, must not be empty"),
    ],
)
def test_bad_rows_are_refused(text: str, problem: str) -> None:
    assert problem in refusal_of_row(text)


def test_a_good_row_is_put_into_the_order_of_the_metrics() -> None:
    text = row(cell("True facts", 1, "Wrong."), cell("Clear", 5, "Plain."))
    answer = roles.score_sample(METRICS).accept(SPEC, text, {"metrics": METRICS})
    judgements = answer.by_metric(METRICS)
    assert [(name, j.score, j.justification) for name, j in judgements.items()] == [
        ("Clear", 5, "Plain."),
        ("True facts", 1, "Wrong."),
    ]


def test_the_schema_names_the_metrics_and_their_number() -> None:
    schema = judgement_answer(METRICS).model_json_schema()
    assert schema["$defs"]["MetricScore"]["properties"]["metric"]["enum"] == ["Clear", "True facts"]
    assert list(schema["$defs"]["MetricScore"]["properties"]) == ["metric", "justification", "score"]
    assert schema["$defs"]["MetricScore"]["properties"]["score"]["enum"] == [1, 2, 3, 4, 5]
    assert (schema["properties"]["judgements"]["minItems"], schema["properties"]["judgements"]["maxItems"]) == (2, 2)
    wanted = metrics_answer(5, 8).model_json_schema()["properties"]["metrics"]
    assert (wanted["minItems"], wanted["maxItems"]) == (5, 8)


def test_one_request_does_not_change_the_schema_of_another() -> None:
    first = judgement_answer(METRICS)
    judgement_answer(METRICS[:1])
    assert first.expected == ("Clear", "True facts")


def test_a_compact_row_says_why_before_the_score_and_is_spelt_out() -> None:
    schema = compact_judgement_answer(2).model_json_schema()
    assert list(schema["properties"]) == ["m1", "m2"]
    assert list(schema["$defs"]["CompactScore"]["properties"]) == ["why", "score"]
    assert schema["$defs"]["CompactScore"]["properties"]["why"]["maxLength"] == 90
    text = json.dumps({"m1": {"why": "plain", "score": 4}, "m2": {"why": "wrong", "score": 1}})
    answer = roles.score_sample(METRICS).accept(COMPACT, text, {"metrics": METRICS})
    assert [j.score for j in answer.by_metric(METRICS).values()] == [4, 1]


def test_a_compact_row_is_as_strict() -> None:
    text = json.dumps({"m1": {"why": "plain", "score": 6}})
    with pytest.raises(ValidationError) as refused:
        roles.score_sample(METRICS).accept(COMPACT, text, {"metrics": METRICS})
    assert "m1.score: Input should be 1, 2, 3, 4 or 5" in readable(refused.value)
    assert "m2: Field required" in readable(refused.value)


@pytest.mark.parametrize("number", [2, 4])
def test_compact_metrics_are_exactly_three(number: int) -> None:
    with pytest.raises(ValidationError, match="3 items"):
        CompactMetrics.model_validate_json(json.dumps({"metrics": [metric(f"Metric {n}") for n in range(number)]}))


def test_compact_metrics_keep_their_fields_short() -> None:
    properties = CompactMetrics.model_json_schema()["$defs"]["CompactMetric"]["properties"]
    assert max(field["maxLength"] for field in properties.values()) <= 80
    three = json.dumps({"metrics": [metric(f"Metric {n}") for n in range(3)]})
    assert isinstance(roles.propose_metrics(5, 8).accept(COMPACT, three, {}), ProposedMetrics)
