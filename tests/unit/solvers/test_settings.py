from typing import Any

import pytest
from pydantic import ValidationError

from graftwork.contracts.jobs import Profile
from graftwork_solvers.settings import PoolSettings
from graftwork_solvers.settings import Price
from graftwork_solvers.settings import SolversSettings

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GRAFTWORK_SOLVERS_API_KEY",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "GRAFTWORK_MODELS",
        "GRAFTWORK_SOLVERS_POOLS",
    ):
        monkeypatch.delenv(name, raising=False)


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SolversSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return SolversSettings()


def test_without_any_setting_there_is_a_pool_per_role_and_no_model_named() -> None:
    pools = SolversSettings().pools

    assert pools == {"optimizer": PoolSettings(), "evaluator": PoolSettings(), "generator": PoolSettings()}


def test_the_short_form_names_models_and_keeps_the_other_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, GRAFTWORK_MODELS="optimizer=gpt-5, embedder=e5,")

    models = {name: pool.model for name, pool in settings.pools.items()}

    assert models == {"optimizer": "gpt-5", "evaluator": None, "generator": None, "embedder": "e5"}


def test_named_pools_are_the_only_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, GRAFTWORK_SOLVERS_POOLS='{"weak": {"model": "llama"}}')

    assert settings.pools == {"weak": PoolSettings(model="llama")}


def test_the_short_form_wins_over_a_named_pool_and_keeps_the_rest_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch,
        GRAFTWORK_SOLVERS_POOLS='{"weak": {"model": "llama", "profile": "compact"}}',
        GRAFTWORK_MODELS="weak=smollm",
    )

    assert settings.pools == {"weak": PoolSettings(model="smollm", profile=Profile.COMPACT)}


def test_a_model_name_may_hold_an_equals_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, GRAFTWORK_MODELS="weak=org/model:rev=2")

    assert settings.pools["weak"].model == "org/model:rev=2"


@pytest.mark.parametrize("mistake", ["gpt-5", "=gpt-5", "optimizer="])
def test_a_short_form_that_is_no_pair_says_how_to_write_it(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    with pytest.raises(ValidationError, match="optimizer=gpt-5,generator=gpt-5-mini"):
        from_environment(monkeypatch, GRAFTWORK_MODELS=mistake)


def test_prices_profile_and_dialect_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch,
        GRAFTWORK_SOLVERS_POOLS="""{"weak": {
            "model": "m", "writes_code": false, "omit": ["temperature"],
            "max_tokens_parameter": "max_completion_tokens",
            "prices": {"m": {"prompt_usd_per_mtok": 1.5, "completion_usd_per_mtok": 6}}}}""",
    )

    pool = settings.pools["weak"]

    assert pool.prices == {"m": Price(prompt_usd_per_mtok=1.5, completion_usd_per_mtok=6)}
    assert not pool.writes_code
    assert pool.omit == {"temperature"}
    assert pool.max_tokens_parameter == "max_completion_tokens"


@pytest.mark.parametrize(
    "pool",
    [
        {"modle": "m"},
        {"sampling": {"temperature": -1}},
        {"sampling": {"temperature": float("nan")}},
        {"omit": ["messages"]},
        {"fixed": True},
        {"fixed": True, "sampling": {"temperature": 0}},
        {"prompt": " "},
        {"sampling": {"stop": [""]}},
        {"extra_body": {"temperature": 0.5}},
        {"prices": {"m": {"prompt_usd_per_mtok": -1, "completion_usd_per_mtok": 1}}},
    ],
)
def test_a_mistake_in_a_pool_is_an_error(pool: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SolversSettings.model_validate({"solvers_pools": {"weak": pool}})


def test_a_pool_may_stop_at_a_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, GRAFTWORK_SOLVERS_POOLS=r'{"weak": {"sampling": {"stop": ["\n"]}}}')

    assert settings.pools["weak"].sampling.stop == ("\n",)


def test_our_own_variable_for_the_endpoint_wins_over_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(
        monkeypatch, OPENAI_BASE_URL="http://common:1/v1", GRAFTWORK_SOLVERS_BASE_URL="http://own:2/v1"
    )

    assert str(settings.base_url) == "http://own:2/v1"


def test_the_key_is_taken_from_the_environment_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, OPENAI_API_KEY=KEY)

    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_key_out_of_a_file_loses_its_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = from_environment(monkeypatch, OPENAI_API_KEY=f"{KEY}\n")

    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY


@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY} x", f"{KEY}…", f"{KEY}\x7f"])
def test_what_no_header_can_carry_is_no_key_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(ValidationError, match="API key") as refused:
        from_environment(monkeypatch, OPENAI_API_KEY=key)

    assert KEY not in str(refused.value)


@pytest.mark.parametrize("url", [f"http://user:{KEY}@host/v1", f"http://host/v1?key={KEY}", f"http//{KEY}"])
def test_credentials_in_the_url_are_refused_without_repeating_them(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        from_environment(monkeypatch, OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY)

    assert KEY not in str(refused.value)
