"""What containers are told, and what the services in them read."""

import json
import os
from collections.abc import Iterator
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import trustme
import yaml
from pydantic import AliasChoices

from graftwork.kit.settings import ServiceSettings
from graftwork_curator.settings import CuratorSettings
from graftwork_evaluator.settings import EvaluatorSettings
from graftwork_gateway.settings import GatewaySettings
from graftwork_optimizer.settings import OptimizerSettings
from graftwork_runner.settings import RunnerSettings
from graftwork_search.settings import SearchSettings
from graftwork_solvers.settings import SolversSettings
from tests.support.manifests import PLACES
from tests.support.manifests import ROOT
from tests.support.manifests import Container
from tests.support.manifests import compose_containers
from tests.support.manifests import containers
from tests.support.manifests import is_ours
from tests.support.manifests import rendering
from tests.support.manifests import service_of
from tests.support.manifests import wrong

SETTINGS: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "search": SearchSettings,
    "optimizer": OptimizerSettings,
    "runner": RunnerSettings,
    "evaluator": EvaluatorSettings,
    "curator": CuratorSettings,
    "solvers": SolversSettings,
}
STORE = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP"})
TRACES = frozenset(
    {
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_METRICS_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
    }
)
COMPILED = frozenset({"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"})
OF_LIBRARIES = {
    **dict.fromkeys(("gateway", "search", "optimizer", "runner", "evaluator", "curator"), STORE | TRACES),  # obstore
    "solvers": frozenset({"HF_HUB_OFFLINE", "HOME", *COMPILED}) | TRACES,  # vLLM
}
SECRETS = {"GRAFTWORK_GATEWAY_FIRST_KEY": "gw_" + "0" * 40}
"""Those of which a service wants more than that they are there."""
# Without these, services listen where nobody can reach them, or take a laptop's servers for theirs.
_ALWAYS = frozenset({"GRAFTWORK_HTTP_HOST", "GRAFTWORK_HTTP_PORT", "GRAFTWORK_DRAIN_SECONDS"})
NEEDED = {
    True: _ALWAYS | {"GRAFTWORK_SOLVERS_HOST", "GRAFTWORK_SOLVERS_PORT"},
    False: _ALWAYS | {"GRAFTWORK_KAFKA", "GRAFTWORK_MONGO", "GRAFTWORK_BLOBS"},
}
"""Whether it is a solver pod -> variables."""


def told(place: str) -> dict[str, Container]:
    """Our containers at a place; workers of an engine read no settings."""
    everyone = compose_containers() if place == "compose" else containers(rendering(place))
    return {one.name: one for one in everyone if is_ours(one) and one.name != "vllm"}


def serving(place: str) -> dict[str, Container]:
    """Those that end by a signal, and so are told how long they may take; people's pod is none."""
    return {name: one for name, one in told(place).items() if name != "admin"}


def names_of(model: type[ServiceSettings]) -> Iterator[tuple[str, ...]]:
    """For each setting, the variables that it is read from."""
    for name, described in model.model_fields.items():
        alias = described.validation_alias
        yield tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (f"GRAFTWORK_{name.upper()}",)


def variables(service: str) -> set[str]:
    """All that a service reads."""
    return {name for names in names_of(SETTINGS[service]) for name in names}


def known(container: Container) -> set[str]:
    """What it is told, and what it is deliberately not told."""
    return set(container.told) | defaulted()[service_of(container)]


@cache
def defaulted() -> dict[str, frozenset[str]]:
    """Service -> variables that it is deliberately not told."""
    listed = yaml.safe_load((ROOT / "deploy" / "defaults.yaml").read_text())
    return {
        service: frozenset(one for entry in listed if service in entry["services"] for one in entry["settings"])
        for service in SETTINGS
    }


@pytest.mark.parametrize("place", PLACES)
def test_every_variable_that_is_set_is_read(place: str) -> None:
    unread = {
        name: set(one.told) - variables(service_of(one)) - OF_LIBRARIES[service_of(one)]
        for name, one in told(place).items()
    }

    assert wrong(unread) == {}


@pytest.mark.parametrize("place", PLACES)
def test_every_variable_that_is_read_is_set_or_deliberately_left_out(place: str) -> None:
    neither = {
        name: [names for names in names_of(SETTINGS[service_of(one)]) if not known(one) & set(names)]
        for name, one in serving(place).items()
    }

    assert wrong(neither) == {}


@pytest.mark.parametrize("place", PLACES)
def test_what_a_service_cannot_do_without_is_set(place: str) -> None:
    missing = {name: NEEDED[service_of(one) == "solvers"] - one.told for name, one in serving(place).items()}

    assert wrong(missing) == {}


@pytest.mark.parametrize("place", PLACES)
def test_services_can_read_what_they_are_told(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("GRAFTWORK_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    listening = {}
    for name, one in told(place).items():
        with monkeypatch.context() as its:
            for variable, value in _made_real(one, tmp_path / name).items():
                its.setenv(variable, value)
            settings = SETTINGS[service_of(one)]()
        listening[name] = (settings.http_host, settings.http_port)

    assert dict.fromkeys(listening, ("0.0.0.0", 8080)) == listening  # noqa: S104 - inside a container


def _made_real(one: Container, folder: Path) -> dict[str, str]:
    """Its environment, with a file wherever a variable names one."""
    secrets = folder / "secrets"
    secrets.mkdir(parents=True)
    for variable in one.secrets:
        (secrets / variable).write_text(SECRETS.get(variable, "secret") + "\n")
    paths = {name: folder / value[1:] for name, value in one.environment.items() if name.endswith("_FILE")}
    write_certificates({name.removeprefix("GRAFTWORK_"): path for name, path in paths.items()})
    own = {"GRAFTWORK_SECRETS_DIR": str(secrets)} if "GRAFTWORK_SECRETS_DIR" in one.environment else {}
    return {**one.environment, **{name: str(path) for name, path in paths.items()}, **own}


def write_certificates(paths: Mapping[str, Path]) -> None:
    """A certificate for all that want one, signed by an authority that all of them trust."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    contents = {
        "CA_FILE": authority.cert_pem,
        "CERTIFICATE_FILE": leaf.cert_chain_pems[0],
        "KEY_FILE": leaf.private_key_pem,
    }
    for name, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        contents[name.partition("_")[2]].write_to_path(path)


@pytest.mark.parametrize("service", SETTINGS)
def test_what_is_left_out_exists_and_is_left_out_somewhere(service: str) -> None:
    everywhere = [set(one.told) for place in PLACES for one in told(place).values() if service_of(one) == service]

    assert set() == defaulted()[service] - variables(service)
    assert set() == set.intersection(*everywhere) & defaulted()[service]


@pytest.mark.parametrize("place", PLACES)
def test_pods_are_where_callers_look_for_them(place: str) -> None:
    there = {f"dns:///{name}:50051" for name, one in told(place).items() if service_of(one) == "solvers"}
    callers = {name: pools for name, one in told(place).items() if (pools := one.environment.get("GRAFTWORK_POOLS"))}
    targets = {target for pools in callers.values() for target in _targets(pools)}

    assert {"gateway", "optimizer", "runner", "evaluator"} == set(callers)
    assert set() == targets - there
    # Compose says so in deploy/gpu.env, with the profile
    assert there == targets or place == "compose"


def test_the_environment_for_gpus_names_the_pods_of_that_profile() -> None:
    lines = (ROOT / "deploy" / "gpu.env").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    there = {f"dns:///{name}:50051" for name, one in told("compose").items() if service_of(one) == "solvers"}

    assert there == _targets(said["GRAFTWORK_POOLS"])
    assert said["COMPOSE_PROFILES"] == "gpu"


def _targets(pools: str) -> set[str]:
    return set(json.loads(pools).values()) if pools.startswith("{") else {pools}
