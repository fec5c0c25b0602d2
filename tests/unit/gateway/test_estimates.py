"""Estimates: they grow with what is asked for, and their sums equal their parts."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from jinja2 import PackageLoader

from graftwork.contracts.dialect import DIALECT
from graftwork.contracts.dialect import STUBS
from graftwork.contracts.jobs import STARTERS
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.contracts.rest_plans import Estimated
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork_evaluator.roles import ROLE_CALLS as EVALUATORS
from graftwork_gateway import assumptions
from graftwork_gateway.estimates import calls_per_record
from graftwork_gateway.estimates import estimate
from graftwork_gateway.plans import validation
from graftwork_optimizer.roles import ROLE_CALLS as OPTIMIZERS

OWN_METRIC = {"name": "clear", "definition": "Is it clear?"}
CODE = "async def workflow(ctx, seed):\n    return {'text': await ctx.llm('a') + await ctx.llm_json('b')}\n"


def pool(name: str, **prices: float | None) -> PoolDescription:
    told: dict[str, Any] = {"name": f"{name}-model", "context_tokens": 8_000, **prices}
    return PoolDescription(
        pool=name, default_model=f"{name}-model", models=(ModelDescription.model_validate(told),), revision="1"
    )


PRICED = {
    name: pool(name, prompt_usd_per_mtok=1.0, completion_usd_per_mtok=4.0)
    for name in ("optimizer", "evaluator", "generator", "judges", "vectors")
}
searches = st.fixed_dictionaries(
    {
        "iterations": st.integers(0, 40),
        "evaluation_samples": st.integers(1, 20),
        "finalists": st.integers(1, 10),
        "reward": st.sampled_from(["hybrid", "sample", "workflow"]),
        "metrics": st.sampled_from(["regenerated", "fixed", "single"]),
        "own_metrics": st.sampled_from([(), (OWN_METRIC,)]),
        "anchor": st.booleans(),
        "calibrate_metrics": st.booleans(),
        "initial": st.sampled_from([{}, {"starter": "qa"}, {"prompts": {"a": "x", "b": "y"}, "code": CODE}]),
    }
)
specs = st.fixed_dictionaries(
    {
        "count": st.integers(1, 10_000),
        "search": searches,
        "review": st.sampled_from(["auto", "human"]),
        "facets": st.sampled_from([None, {"topic": ("halves", "thirds")}]),
        "models": st.sampled_from(
            [
                {},
                {"profile": "compact"},
                {"judge": {"pool": "judges"}, "embedder": {"pool": "vectors"}},
                {"generator": {"pool": "generator", "max_tokens": 30}},
            ]
        ),
    }
)


def spec(**more: Any) -> JobSpec:
    return JobSpec.model_validate({"task": "Short explanations of fractions.", "count": 10, **more})


def about(part: Estimated) -> tuple[int, int, Any]:
    return part.calls, part.tokens, pytest.approx(part.cost_usd)


def summed(parts: dict[str, Estimated]) -> tuple[int, int, float]:
    every = parts.values()
    cost = math.fsum(part.cost_usd or 0.0 for part in every)
    return sum(part.calls for part in every), sum(part.tokens for part in every), cost


@given(specs)
def test_each_map_sums_to_what_is_expected(written: dict[str, Any]) -> None:
    told = estimate(spec(**written), PRICED)

    assert about(told.expected) == summed(dict(told.by_purpose))
    assert about(told.expected) == summed(dict(told.by_role))


@given(specs, st.integers(1, 20))
def test_more_iterations_never_cost_less(written: dict[str, Any], more: int) -> None:
    search = written["search"]
    longer = {**written, "search": {**search, "iterations": search["iterations"] + more}}
    less, greater = estimate(spec(**written), PRICED).expected, estimate(spec(**longer), PRICED).expected

    assert less.calls < greater.calls
    assert less.tokens < greater.tokens
    assert (less.cost_usd or 0.0) < (greater.cost_usd or 0.0)


@given(specs, st.integers(1, 5_000))
def test_more_rows_never_cost_less_and_cost_production_only(written: dict[str, Any], more: int) -> None:
    less = estimate(spec(**written), PRICED)
    greater = estimate(spec(**{**written, "count": written["count"] + more}), PRICED)
    others = set(less.by_purpose) - {"production"}

    assert less.expected.calls < greater.expected.calls
    assert less.by_purpose["production"].calls < greater.by_purpose["production"].calls
    assert {name: less.by_purpose[name] for name in others} == {name: greater.by_purpose[name] for name in others}


def test_the_calls_of_a_small_job_can_be_counted_by_hand() -> None:
    job = spec(
        count=8,
        facets={"topic": ("halves",)},
        search={"iterations": 2, "evaluation_samples": 5, "finalists": 3, "initial": {"starter": "qa"}},
    )
    told = estimate(job, PRICED)
    calls = {name: part.calls for name, part in told.by_purpose.items()}

    assert calls == {
        "search": 2 + (3 * 5 + 3 * 5) * 2,  # refinements, then samples of nodes and finalists, two calls each
        "metrics": 3 * 3,  # three sets for each of three nodes
        "scoring": 3 * 5 + 2 * 5 + 3 * 5 + 3,  # nodes, anchor of the later two, finalists; three workflows
        "production": 10 * 2,  # 8 rows at 80 % acceptance
    }


WHOLE_METRIC = {**OWN_METRIC, "name": "whole", "positive_exemplar": "good", "negative_exemplar": "bad"}


@pytest.mark.parametrize(("own", "calls"), [([OWN_METRIC], None), ([OWN_METRIC, WHOLE_METRIC], 2)])
def test_own_metrics_are_calibrated_once_by_the_exemplars_they_have(own: list[Any], calls: int | None) -> None:
    told = estimate(spec(search={"metrics": "fixed", "own_metrics": own, "calibrate_metrics": True}), PRICED)
    metrics = told.by_purpose.get("metrics")

    assert (metrics and metrics.calls) == calls


@pytest.mark.parametrize("search", [{"metrics": "fixed"}, {"metrics": "single", "reward": "sample"}])
def test_each_own_metric_makes_scoring_longer_by_as_much(search: dict[str, Any]) -> None:
    def scoring(count: int) -> Estimated:
        own = [{**OWN_METRIC, "name": f"m{index}"} for index in range(count)]
        return estimate(spec(search={**search, "own_metrics": own}), PRICED).by_purpose["scoring"]

    one, two, twenty = scoring(1), scoring(2), scoring(20)

    assert one.calls == two.calls == twenty.calls
    assert 0 < two.tokens - one.tokens == (twenty.tokens - one.tokens) / 19


def test_halves_of_the_reward_that_are_not_used_are_not_paid() -> None:
    sample = estimate(spec(search={"reward": "sample"}), PRICED)
    workflow = estimate(spec(search={"reward": "workflow"}), PRICED)

    assert "evaluator" not in workflow.by_role
    assert "metrics" not in workflow.by_purpose
    assert sample.by_role["optimizer"].calls == 1 + 1 + 30  # seeds, root, refinements: no judgement


def test_a_price_that_is_unknown_is_never_guessed() -> None:
    pools = {**PRICED, "generator": pool("generator", prompt_usd_per_mtok=1.0)}
    told = estimate(spec(), pools)

    assert told.expected.cost_usd is None
    assert told.by_role["generator"].cost_usd is None
    assert told.by_purpose["scoring"].cost_usd is not None


def test_an_answers_bound_bounds_the_estimate() -> None:
    free = estimate(spec(), PRICED)
    bound = estimate(spec(models={"generator": {"pool": "generator", "max_tokens": 10}}), PRICED)

    assert bound.by_role["generator"].tokens < free.by_role["generator"].tokens
    assert bound.by_role["generator"].calls == free.by_role["generator"].calls


@pytest.mark.parametrize(
    ("budget", "bound"),
    [
        ({}, None),
        ({"cost_usd": 1.0}, None),
        ({"calls": 100}, (100, 800_000, 3.2)),
        ({"tokens": 5_000}, (5_000, 5_000, 0.02)),
        ({"calls": 100, "tokens": 5_000, "cost_usd": 0.01}, (100, 5_000, 0.01)),
    ],
)
def test_what_the_budget_bounds_is_told(budget: dict[str, float], bound: tuple[int, int, float] | None) -> None:
    told = estimate(spec(budget=budget), PRICED).at_most

    assert (None if told is None else (told.calls, told.tokens, told.cost_usd)) == bound


def test_calls_of_own_code_are_counted() -> None:
    own = {"prompts": {"a": "x", "b": "y"}, "code": CODE}

    assert calls_per_record(spec(search={"initial": own}).search.initial) == 2
    assert calls_per_record(spec(search={"initial": {**own, "code": "not python ("}}).search.initial) == 3


def test_every_starter_has_its_calls() -> None:
    assert set(assumptions.CALLS_OF_STARTERS) == set(STARTERS)


def fixed_tokens(package: str, template: str) -> float:
    """Tokens of a template as it is written, rules of the runtime included."""
    environment = Environment(loader=PackageLoader(package, "prompts"), autoescape=False)  # noqa: S701 - plain text
    assert environment.loader is not None
    text = environment.loader.get_source(environment, template)[0]
    if '"_workflow_rules.j2"' in text:
        text += environment.loader.get_source(environment, "_workflow_rules.j2")[0] + STUBS + DIALECT
    return len(text) / assumptions.CHARS_PER_TOKEN


@pytest.mark.parametrize("profile", list(Profile))
def test_sizes_of_role_calls_are_what_their_templates_have(profile: Profile) -> None:
    table = assumptions.COMPACT if profile is Profile.COMPACT else assumptions.STANDARD
    job = spec(models={"profile": profile.value})
    calls = {call.name: call for call in (*OPTIMIZERS, *EVALUATORS)}
    counted = {name: fixed_tokens(calls[name].package, calls[name].variant(job).template) for name in table}

    assert counted == {name: pytest.approx(size.fixed, rel=0.25) for name, size in table.items()}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ({"budget": {"calls": 11}}, "is below what 10 rows are expected to need alone"),
        ({"budget": {"calls": 1_000}}, "may have half of it"),
        ({"facets": {"topic": ["halves", "thirds"]}}, "there are 2 combinations"),
        ({"models": {"generator": {"pool": "evaluator"}}}, "judge its own writing"),
        ({"models": {"judge": {"pool": "optimizer"}}}, "judge its own workflows"),
    ],
)
def test_what_is_probably_not_meant_is_said(written: dict[str, Any], says: str) -> None:
    [warning] = validation(spec(**written), PRICED).warnings

    assert says in warning


def test_a_job_as_most_are_is_not_warned_of() -> None:
    assert validation(spec(), PRICED).warnings == ()
