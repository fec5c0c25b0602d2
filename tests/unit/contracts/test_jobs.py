"""The job a user writes: defaults of the paper, and every impossible wish refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec

TASK = "explanations of fractions for struggling third-graders"


def test_the_defaults_are_those_of_the_paper() -> None:
    search = JobSpec(task=TASK, count=10).search

    assert (search.iterations, search.top_k, search.epsilon, search.metric_candidates) == (30, 3, 0.05, 3)
    assert 5 <= search.evaluation_samples <= 10
    assert search.selection == "paper"


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"count": 0}, "greater than or equal to 1"),
        ({"task": "short"}, "at least 10 characters"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
        ({"search": {"iterations": -1}}, "greater than or equal to 0"),
        ({"search": {"metrics_per_set": [8, 5]}}, "give the fewest and the most metrics"),
        ({"search": {"initial": {"starter": "magic"}}}, "no starter is named 'magic'; there are explain"),
        ({"role_prompts": {"judge": "x"}}, "no role call is named judge; there are propose_seeds"),
        ({"search": {"selection": "magic"}}, "Input should be 'paper'"),
        ({"budget": {"candidates": 5}}, r"budget.candidates \(5\) is below count \(10\)"),
        ({"budget": {"calls": 9}}, "cannot make 10 rows"),
        ({"facets": {"topic": []}}, "facet 'topic' has no values"),
        ({"seeds": []}, "seeds is empty"),
        ({"output": {"layout": "custom"}}, "layout custom needs one"),
        ({"output": {"record_schema": {"type": "object"}}}, "record_schema belongs to layout custom"),
        ({"output": {"layout": "custom", "record_schema": {"type": "nonsense"}}}, "not a JSON schema"),
        ({"output": {"layout": "custom", "record_schema": {"type": "array"}}}, "must have type: object"),
        ({"search": {"initial": {"starter": "qa", "code": "x", "prompts": {}}}}, "not both"),
        ({"search": {"initial": {"code": "x"}}}, "needs prompts and code"),
        ({"models": {"generator": {"pool": "g", "temperature": 3}}}, "less than or equal to 2"),
    ],
)
def test_an_impossible_wish_is_refused(wish: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        JobSpec.model_validate({"task": TASK, "count": 10, **wish})


@pytest.mark.parametrize("layout", [Layout.PROMPT_COMPLETION, Layout.MESSAGES, Layout.TEXT])
def test_a_named_layout_brings_its_schema(layout: Layout) -> None:
    schema = OutputSpec(layout=layout).json_schema

    assert schema["additionalProperties"] is False
    assert schema["required"] == sorted(schema["properties"])


@pytest.mark.parametrize(
    "wish",
    [
        {"seed": 2**53 + 1},
        {"budget": {"calls": 10**30}},
        {"budget": {"wall_seconds": 1e300}},
        {"budget": {"cost_usd": float("inf")}},
        {"search": {"patience": 2**63}},
        {"review": {"timeout_seconds": 1e12}},
    ],
)
def test_numbers_that_no_ledger_or_clock_can_hold_are_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="less than or equal to"):
        JobSpec.model_validate({"task": "Short explanations of fractions.", "count": 3, **wish})
