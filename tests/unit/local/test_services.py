import json

import pytest

from graftwork.local.errors import ServicesMissing
from graftwork.local.errors import SettingInvalid
from graftwork.local.platform import ServerAddresses
from graftwork.local.services import SECRETS
from graftwork.local.services import SERVICES
from graftwork.local.services import PlatformSettings
from graftwork.local.services import Wiring
from graftwork.local.services import environment_of
from graftwork.local.services import read_settings
from graftwork_gateway.settings import GatewaySettings
from graftwork_solvers.settings import SolversSettings

INHERITED = {
    "PATH": "/bin",
    "OPENAI_API_KEY": "sk-secret",
    "GRAFTWORK_SOLVERS_API_KEY": "sk-secret-too",
    "GRAFTWORK_API_KEY": "gw_mine",
    "GRAFTWORK_HTTP_PORT": "1",
    "GRAFTWORK_LOG_LEVEL": "debug",
}
PORTS = {name: 4000 + number for number, name in enumerate(SERVICES)}


def wiring(*, tiny_model: bool, own_engine: bool = False) -> Wiring:
    addresses = ServerAddresses(
        kafka="127.0.0.1:9092",
        mongo="mongodb://127.0.0.1:27017",
        openai_base_url=None if own_engine else "http://127.0.0.1:8000/v1",
        tiny_model=tiny_model,
    )
    listed = () if tiny_model or own_engine else ("gpt", "small", "other")
    return Wiring(addresses, "file:///blobs", PORTS, solvers_port=5000, first_key="gw_" + "x" * 32, models=listed)


def environment(
    service: str, *, tiny_model: bool = False, own_engine: bool = False, **settings: object
) -> dict[str, str]:
    given = PlatformSettings.model_validate({"OPENAI_API_KEY": "sk-secret", **settings})
    return environment_of(service, wiring(tiny_model=tiny_model, own_engine=own_engine), given, INHERITED)


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFTWORK_SOLVERS_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAFTWORK_MODELS"):
        monkeypatch.delenv(name, raising=False)


def test_secrets_go_to_the_one_service_that_needs_them() -> None:
    told = {service: SECRETS & environment(service).keys() for service in SERVICES}

    assert {service: names for service, names in told.items() if names} == {
        "gateway": {"GRAFTWORK_GATEWAY_FIRST_KEY"},
        "solvers": {"OPENAI_API_KEY"},
    }


def test_every_service_finds_the_servers_and_the_solvers() -> None:
    for service in SERVICES:
        given = environment(service)

        assert given["GRAFTWORK_KAFKA"] == "127.0.0.1:9092"
        assert given["GRAFTWORK_POOLS"] == "127.0.0.1:5000"
        assert given["GRAFTWORK_HTTP_PORT"] == str(PORTS[service])
        assert given["GRAFTWORK_LOG_LEVEL"] == "debug"
        assert given["PATH"] == "/bin"


def test_the_tiny_model_is_told_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = solvers(monkeypatch, environment("solvers", tiny_model=True, models="optimizer=gpt"))

    assert set(settings.pools) == {"optimizer", "evaluator", "generator"}
    assert {(pool.profile, pool.writes_code) for pool in settings.pools.values()} == {("compact", False)}
    assert all(pool.sampling.max_tokens for pool in settings.pools.values())
    assert settings.solvers_concurrency == 2
    assert settings.api_key is None


def test_solvers_with_an_engine_of_their_own_are_told_of_no_endpoint_and_get_the_time_to_load_it() -> None:
    given = environment("solvers", own_engine=True, solvers_pools='{"generator": {"profile": "compact"}}')
    settings = PlatformSettings.model_validate({"solvers_backend": "vllm", "solvers_vllm_start_seconds": 100})

    assert "OPENAI_BASE_URL" not in given
    assert json.loads(given["GRAFTWORK_SOLVERS_POOLS"]) == {"generator": {"profile": "compact"}}
    assert settings.start_seconds("solvers") == settings.start_seconds("runner") + 100


def test_an_endpoint_that_was_named_serves_all_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    models = "optimizer=gpt,embedder=small"

    settings = solvers(monkeypatch, environment("solvers", models=models))

    assert {name: pool.model for name, pool in settings.pools.items()} == {
        "optimizer": "gpt",
        "evaluator": None,
        "generator": None,
        "embedder": "small",
    }
    assert {pool.models for pool in settings.pools.values()} == {("gpt", "small", "other")}
    assert str(settings.base_url) == "http://127.0.0.1:8000/v1"
    assert json.loads(environment("gateway", models=models)["GRAFTWORK_KNOWN_POOLS"]) == [
        "optimizer",
        "evaluator",
        "generator",
        "embedder",
    ]


def test_pools_that_were_given_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    given = '{"optimizer": {"model": "gpt", "models": ["one"]}}'

    settings = solvers(monkeypatch, environment("solvers", solvers_pools=given))

    assert {name: (pool.model, pool.models) for name, pool in settings.pools.items()} == {
        "optimizer": ("gpt", ("one",))
    }
    assert json.loads(environment("gateway", solvers_pools=given)["GRAFTWORK_KNOWN_POOLS"]) == ["optimizer"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GRAFTWORK_GATEWAY_PORT", "many", "GRAFTWORK_GATEWAY_PORT: Input should be a valid integer"),
        ("GRAFTWORK_SOLVERS_POOLS", "{", "GRAFTWORK_SOLVERS_POOLS: Invalid JSON"),
    ],
)
def test_a_variable_with_a_wrong_value_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingInvalid, match=f"^{said}"):
        read_settings()


def test_the_gateway_takes_the_key_that_clients_find(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment("gateway").items():
        monkeypatch.setenv(name, value)

    settings = GatewaySettings()

    assert settings.gateway_first_key is not None
    assert settings.gateway_first_key.get_secret_value() == "gw_" + "x" * 32
    assert settings.http_port == PORTS["gateway"]


def test_missing_services_are_named_with_the_way_to_install_them() -> None:
    said = str(ServicesMissing(["runner", "curator"]))

    assert said.startswith("Not installed: runner, curator. In a checkout: make install")


def solvers(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> SolversSettings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return SolversSettings()
