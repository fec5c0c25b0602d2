from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from graftwork_solvers.endpoint.client import Endpoint
from graftwork_solvers.engine.command import engine_command
from graftwork_solvers.engine.command import engine_environment
from graftwork_solvers.engine.command import engine_identity
from graftwork_solvers.engine.command import engine_traces
from graftwork_solvers.pools import Pools
from graftwork_solvers.settings import PoolSettings
from graftwork_solvers.settings import SolversSettings

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "GRAFTWORK_MODELS", "GRAFTWORK_SOLVERS_POOLS"):
        monkeypatch.delenv(name, raising=False)


def settings(**changes: Any) -> SolversSettings:
    given = {f"solvers_vllm_{name}": value for name, value in {"model": "org/tiny", **changes}.items()}
    return SolversSettings.model_validate({"solvers_backend": "vllm", **given})


def arguments(**changes: Any) -> list[str]:
    return engine_command(settings(**changes), "/run/engine")


def value_of(option: str, **changes: Any) -> str:
    command = arguments(**changes)
    return command[command.index(option) + 1]


def test_it_serves_the_model_on_the_socket_with_prefix_caching() -> None:
    command = arguments()

    assert command[:5] == ["vllm", "serve", "org/tiny", "--uds", "/run/engine"]
    assert "--enable-prefix-caching" in command


def test_a_model_that_embeds_has_no_prefixes_to_cache() -> None:
    command = arguments(runner="pooling")

    assert command[-2:] == ["--runner", "pooling"]
    assert "--enable-prefix-caching" not in command


def test_the_program_may_come_with_arguments_of_its_own() -> None:
    assert arguments(command="/opt/engine env/python -m vllm")[:3] == ["/opt/engine", "env/python", "-m"]
    assert arguments(command="'/opt/engine env/python' -m vllm")[:3] == ["/opt/engine env/python", "-m", "vllm"]


@pytest.mark.parametrize(
    ("model", "name", "served"),
    [
        ("org/tiny", None, "org/tiny"),
        ("/models/tiny", None, "tiny"),
        ("./models/tiny/", None, "tiny"),
        ("/models/tiny", "small", "small"),
    ],
)
def test_the_served_name_is_short_where_the_model_is_a_path(model: str, name: str | None, served: str) -> None:
    assert value_of("--served-model-name", model=model, served_name=name) == served


def test_adapters_are_served_by_their_names() -> None:
    command = arguments(adapters={"poet": "/adapters/poet", "clerk": "org/clerk"})

    at = command.index("--enable-lora")
    assert command[at : at + 4] == ["--enable-lora", "--lora-modules", "clerk=org/clerk", "poet=/adapters/poet"]


def test_further_arguments_come_last_and_so_win() -> None:
    command = arguments(revision="abc", arguments=["--no-enable-prefix-caching", "-tp", "2"])

    assert command[-3:] == ["--no-enable-prefix-caching", "-tp", "2"]
    assert value_of("--revision", revision="abc") == "abc"


@pytest.mark.parametrize(("seconds", "told"), [(15, "10"), (60.4, "55"), (2, "1")])
def test_the_engine_gives_up_its_requests_before_it_is_killed(seconds: float, told: str) -> None:
    assert value_of("--shutdown-timeout", shutdown_seconds=seconds) == told


@pytest.mark.parametrize("taken", ["--uds", "--port=8000", "--served_model_name", "--api-key", "--lora-modules"])
def test_what_the_pod_decides_cannot_be_given_as_an_argument(taken: str) -> None:
    with pytest.raises(ValidationError, match=taken.partition("=")[0].replace("_", "-")):
        settings(arguments=[taken, "x"])


@pytest.mark.parametrize("adapters", [{"": "/x"}, {"a b": "/x"}, {"a=b": "/x"}, {"poet": ""}])
def test_an_adapter_needs_a_plain_name_and_a_path(adapters: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="needs a path"):
        settings(adapters=adapters)


def test_without_a_model_the_mistake_names_the_variable() -> None:
    with pytest.raises(ValidationError, match="GRAFTWORK_SOLVERS_VLLM_MODEL"):
        settings(model=None)


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "GRAFTWORK_SOLVERS_BASE_URL"])
def test_an_endpoint_beside_the_engine_is_a_mistake(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://elsewhere:1/v1")

    with pytest.raises(ValidationError, match=f"unset .*{variable}"):
        settings()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"BACKEND": "vllm", "VLLM_MODEL": "m", "VLLM_ADAPTERS": '{"a": "/a"}', "VLLM_ARGUMENTS": '["-tp", "2"]'}
    for name, value in variables.items():
        monkeypatch.setenv(f"GRAFTWORK_SOLVERS_{name}", value)

    assert SolversSettings().solvers_vllm_adapters == {"a": "/a"}
    assert SolversSettings().solvers_vllm_arguments == ("-tp", "2")


def test_keys_and_what_is_ours_are_not_handed_down() -> None:
    pods = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "x", "GRAFTWORK_MONGO": "mongodb://u:p@h", "VLLM_API_KEY": KEY}

    environment = engine_environment(settings(), {**pods, "HF_TOKEN": "hub", "CUDA_VISIBLE_DEVICES": "1"}, "/run/gw")

    assert pods.keys().isdisjoint(environment)
    assert (environment["HF_TOKEN"], environment["CUDA_VISIBLE_DEVICES"]) == ("hub", "1")
    assert environment["VLLM_NO_USAGE_STATS"] == "1"
    assert environment["VLLM_RPC_BASE_PATH"] == "/run/gw"
    assert environment["VLLM_ENGINE_READY_TIMEOUT_S"] == "1800"


def test_what_the_operator_sets_wins() -> None:
    environment = engine_environment(
        settings(), {"VLLM_NO_USAGE_STATS": "0", "VLLM_RPC_BASE_PATH": "/other"}, "/run/gw"
    )

    assert (environment["VLLM_NO_USAGE_STATS"], environment["VLLM_RPC_BASE_PATH"]) == ("0", "/other")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}, "http://collector:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://one:1/x"}, "http://one:1/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_the_engines_spans_go_where_the_pods_go(told: dict[str, str], expected: str | None) -> None:
    assert engine_traces(told) == expected


def test_an_engine_is_told_where_its_spans_go_and_is_the_same_engine() -> None:
    command = engine_command(settings(), "/run/engine", "http://collector:4318/v1/traces")
    environment = engine_environment(settings(), {}, "/run/gw")

    assert command[command.index("--otlp-traces-endpoint") + 1] == "http://collector:4318/v1/traces"
    assert "--otlp-traces-endpoint" not in arguments()
    assert environment["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"


def test_replicas_are_alike() -> None:
    here, there = settings(command="/here/vllm"), settings(command="/there/vllm", shutdown_seconds=99)

    assert engine_identity(here, "0.32.0") == engine_identity(there, "0.32.0")


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "org/other"},
        {"revision": "abc"},
        {"adapters": {"a": "/a"}},
        {"arguments": ["--dtype", "half"]},
        {"runner": "pooling"},
    ],
)
def test_whatever_shapes_answers_is_another_identity(changes: dict[str, Any]) -> None:
    assert engine_identity(settings(**changes), "0.32.0") != engine_identity(settings(), "0.32.0")


def test_another_version_of_the_engine_is_another_identity() -> None:
    assert engine_identity(settings(), "0.32.0") != engine_identity(settings(), "0.33.0")


async def test_an_engine_that_comes_back_as_another_version_answers_under_another_revision() -> None:
    endpoint = Endpoint(httpx.MockTransport(lambda _: httpx.Response(500)), "http://engine/v1")
    pools = Pools({"writer": PoolSettings(model="tiny")}, endpoint)
    revisions = []
    for version in ("0.32.0", "0.33.0", "0.32.0"):
        endpoint.identity = engine_identity(settings(), version)
        revisions.append((await pools.serving("writer", None)).revision)

    assert revisions[0] == revisions[2] != revisions[1]
