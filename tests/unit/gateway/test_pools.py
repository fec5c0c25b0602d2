from typing import Any

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import Profile
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import UnknownPool
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import Sampling
from graftwork_gateway.errors import JobInvalid
from graftwork_gateway.pools import Described
from graftwork_gateway.pools import check_models
from graftwork_gateway.pools import mistakes_of
from graftwork_gateway.pools import pinned
from graftwork_gateway.pools import prompt_mistakes
from graftwork_gateway.pools import schema_mistakes
from graftwork_gateway.settings import GatewaySettings
from tests.support.doors import a_plane

SETTINGS = GatewaySettings(describe_seconds=1.0)


def spec(**more: Any) -> JobSpec:
    return JobSpec.model_validate({"task": "Short explanations of fractions.", "count": 3, **more})


def pool(name: str = "pool", *models: ModelDescription, writes_code: bool = True) -> PoolDescription:
    served = models or (ModelDescription(name="m"),)
    return PoolDescription(
        pool=name, default_model=served[0].name, models=served, revision="r", writes_code=writes_code
    )


def everywhere(answer: Any) -> Described:
    return dict.fromkeys(("optimizer", "evaluator", "generator"), answer)


def paths(wanted: JobSpec, described: Described) -> list[str]:
    return [mistake.path for mistake in mistakes_of(wanted, described)]


def test_a_job_that_the_pools_can_do_has_no_mistakes() -> None:
    assert paths(spec(), everywhere(pool())) == []


def test_an_unknown_pool_is_told_for_every_role_that_names_it() -> None:
    described = everywhere(UnknownPool("no such pool"))

    assert paths(spec(), described) == ["models.optimizer.pool", "models.evaluator.pool", "models.generator.pool"]


def test_a_pool_that_does_not_answer_is_no_mistake_of_the_job() -> None:
    assert paths(spec(), everywhere(DependencyDown("down"))) == []


def test_a_model_has_to_be_served_by_its_pool() -> None:
    wanted = spec(models={"generator": {"pool": "generator", "model": "other"}})

    assert paths(wanted, everywhere(pool())) == ["models.generator.model"]


@pytest.mark.parametrize(
    ("prompt", "completion", "role", "known"),
    [
        (1.0, 2.0, "generator", True),
        (0.0, 0.0, "generator", True),
        (1.0, None, "generator", False),
        (None, 2.0, "generator", False),
        (1.0, None, "embedder", True),
        (None, None, "embedder", False),
    ],
)
def test_money_needs_the_prices_of_what_is_bought(
    prompt: float | None, completion: float | None, role: str, *, known: bool
) -> None:
    model = ModelDescription(name="m", prompt_usd_per_mtok=prompt, completion_usd_per_mtok=completion)
    dear = ModelDescription(name="dear", prompt_usd_per_mtok=1, completion_usd_per_mtok=1)
    wanted = spec(budget={"cost_usd": 1}, models={role: {"pool": "p"}})
    described = {**everywhere(pool("dear", dear)), "p": pool("p", model)}

    assert paths(wanted, described) == ([] if known else ["budget.cost_usd"])


@pytest.mark.parametrize(
    ("search", "needs_code"),
    [
        ({}, True),
        ({"scope": "prompts"}, True),
        ({"initial": {"starter": "qa"}}, True),
        ({"initial": {"starter": "qa"}, "scope": "prompts"}, False),
        ({"initial": {"starter": "qa"}, "iterations": 0}, False),
        ({"initial": {"prompts": {"a": "b"}, "code": "pass"}, "scope": "prompts"}, False),
    ],
)
def test_only_a_pool_that_writes_code_is_asked_for_it(search: dict[str, Any], *, needs_code: bool) -> None:
    described = {**everywhere(pool()), "optimizer": pool("optimizer", writes_code=False)}

    assert paths(spec(search=search), described) == (["search.initial"] if needs_code else [])


async def test_mistakes_win_over_a_pool_that_does_not_answer() -> None:
    wanted = spec(models={"optimizer": {"pool": "down"}, "generator": {"pool": "nowhere"}})
    with pytest.raises(JobInvalid) as refused:
        await check_models(wanted, a_plane(), SETTINGS)

    assert [error.path for error in refused.value.errors] == ["models.generator.pool"]


async def test_a_runtime_that_is_not_allowed_is_told_with_the_setting_that_would_allow_it() -> None:
    wanted = spec(runtime="cpython")
    with pytest.raises(JobInvalid) as refused:
        await check_models(wanted, a_plane(), SETTINGS)

    [error] = refused.value.errors
    assert error.path == "runtime"
    assert error.message == "runtime 'cpython' is not allowed here: GRAFTWORK_SANDBOX_RUNTIMES has monty"


async def test_a_runtime_that_is_allowed_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_SANDBOX_RUNTIMES", "monty, cpython")
    served = await check_models(spec(runtime="cpython"), a_plane(), GatewaySettings(describe_seconds=1.0))

    assert set(served) == {"optimizer", "evaluator", "generator"}


async def test_without_mistakes_the_silence_of_a_pool_is_raised() -> None:
    with pytest.raises(DependencyDown):
        await check_models(spec(models={"optimizer": {"pool": "down"}}), a_plane(), SETTINGS)


def test_a_model_too_small_to_propose_seeds_is_told_before_it_tries() -> None:
    small = pool().model_copy(update={"profile": Profile.COMPACT})

    assert paths(spec(), everywhere(small)) == ["facets"]
    assert paths(spec(facets={"topic": ["halves"]}), everywhere(small)) == []
    assert paths(spec(seeds=[{"topic": "halves"}]), everywhere(small)) == []


def test_every_model_is_named_in_what_is_kept() -> None:
    described = {
        name: pool(name, ModelDescription(name=f"m-{name}")) for name in ("optimizer", "evaluator", "generator")
    }
    asked = spec(models={"judge": {"pool": "evaluator"}, "generator": {"pool": "generator", "temperature": 0.3}})

    kept = pinned(asked, described).models

    assert {role: model.model for role, model in kept.by_role().items()} == {
        "optimizer": "m-optimizer",
        "evaluator": "m-evaluator",
        "generator": "m-generator",
        "judge": "m-evaluator",
    }
    assert kept.generator.temperature == 0.3
    assert kept.embedder is None


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ oops", "not a template: "),
        ("{% block user %}Score it.{% endblock %}", "no block system"),
        ("Score it.", "no block system and no block user"),
        ("{% block system %}x{% endblock %}{% block user %}{{ sample }}{% endblock %}", None),
    ],
)
def test_a_prompt_of_the_job_s_own_that_cannot_be_rendered_is_told(template: str, message: str | None) -> None:
    found = list(prompt_mistakes(spec(role_prompts={"score_sample": template})))

    assert [mistake.path for mistake in found] == ([] if message is None else ["role_prompts.score_sample"])
    assert all(mistake.message.startswith(str(message)) for mistake in found)


def test_a_schema_that_no_record_could_be_checked_against_is_told() -> None:
    schema = {"type": "object", "properties": {"n": {"pattern": "^a\\Z"}, "m": {"$ref": "#/$defs/m"}}}
    found = list(schema_mistakes(spec(output={"layout": "custom", "record_schema": schema})))

    assert [mistake.path for mistake in found] == ["output.record_schema", "output.record_schema"]
    assert list(schema_mistakes(spec())) == []


def test_a_fixed_pool_can_only_generate() -> None:
    fixed = pool().model_copy(update={"fixed": Sampling(max_tokens=100)})
    wanted = spec(models={"judge": {"pool": "judge"}})

    assert paths(wanted, {**everywhere(pool()), "judge": pool(), "generator": fixed}) == []
    assert paths(wanted, {**everywhere(fixed), "judge": fixed}) == [
        "models.optimizer.pool",
        "models.evaluator.pool",
        "models.judge.pool",
    ]
