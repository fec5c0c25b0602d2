"""The Compose file, and that it says what the manifests say."""

import json
from collections.abc import Iterator

import pytest

from tests.deploy.test_pods import PINNED
from tests.deploy.test_pods import seconds_to_finish
from tests.support.manifests import ROOT
from tests.support.manifests import Container
from tests.support.manifests import compose
from tests.support.manifests import compose_containers
from tests.support.manifests import containers
from tests.support.manifests import is_ours
from tests.support.manifests import of_kind
from tests.support.manifests import ran
from tests.support.manifests import rendering
from tests.support.manifests import wrong
from tests.support.s3 import KEEPING

AS_THEY_COME = {"kafka", "mongo", "grafana"}
"""Servers whose images write beside their programs, or change their user when they start."""
ONCE = {"mongo-set", "objects-bucket", "engine-cache"}
"""They end by themselves; the last two change the owner of a new volume, and reach nobody meanwhile."""
NO_SHELL = {"collector", "traces"}
"""Images without a program that could ask them how they are."""
DIFFERENT_IN_A_CLUSTER = {
    "AWS_ALLOW_HTTP",
    "AWS_ENDPOINT_URL",
    "GRAFTWORK_TOPIC_PARTITIONS",
    "GRAFTWORK_TOPIC_REPLICAS",
    "GRAFTWORK_SANDBOX_MEMORY_BYTES",
}


def ours() -> dict[str, Container]:
    return {one.name: one for one in compose_containers() if is_ours(one)}


def problems_of(one: Container) -> Iterator[str]:
    raw, limits = one.raw, one.raw.get("deploy", {}).get("resources", {}).get("limits", {})
    if not PINNED.match(one.image):
        yield f"image {one.image} is not pinned"
    if lacking := {"cpus", "memory", "pids"} - set(limits):
        yield f"no limits of {lacking}"
    if one.name not in ONCE | NO_SHELL and "healthcheck" not in raw:
        yield "does not say how it is"
    if one.name not in ONCE and raw.get("restart") != "unless-stopped":
        yield "stays down when it dies"
    if raw.get("network_mode") == "none":
        return
    if raw.get("security_opt") != ["no-new-privileges:true"]:
        yield "may gain privileges"
    if one.name not in AS_THEY_COME and (raw.get("cap_drop") != ["ALL"] or not raw.get("read_only")):
        yield "has capabilities, or may write to its image"
    if raw.get("privileged") or raw.get("pid") or raw.get("ipc") or "docker.sock" in str(raw.get("volumes")):
        yield "sees its host"


def test_containers_are_walled_in_and_bounded() -> None:
    found = {one.name: list(problems_of(one)) for one in compose_containers()}

    assert wrong(found) == {}


def test_containers_have_time_to_finish() -> None:
    late = {name: one.grace_seconds for name, one in ours().items() if one.grace_seconds < seconds_to_finish(one)}

    assert late == {}


def test_services_start_when_their_servers_are_well() -> None:
    awaited = {
        name: {other: how["condition"] for other, how in one.raw["depends_on"].items()}
        for name, one in ours().items()
        if "servers" in one.raw["networks"]
    }
    servers = {
        "kafka": "service_healthy",
        "mongo-set": "service_completed_successfully",
        "objects": "service_healthy",
    }

    assert dict.fromkeys(awaited, servers) == awaited
    assert {"gateway", "search", "optimizer", "runner", "evaluator", "curator"} == set(awaited)


def test_data_outlives_containers_in_named_volumes() -> None:
    kept = {
        name: {volume["source"] for volume in one.get("volumes", []) if volume["type"] == "volume"}
        for name, one in compose()["services"].items()
    }

    assert {"kafka"} == kept["kafka"]
    assert {"mongo"} == kept["mongo"]
    assert {"objects"} == kept["objects"]
    assert set(compose()["volumes"]) == set().union(*kept.values())


def test_the_object_store_keeps_objects_as_that_of_the_tests_does() -> None:
    """Without a place for what it knows of them it refuses objects in parts, which is to say all large ones."""
    (there,) = (one for one in containers(rendering("overlays/dev")) if one.name == "objects")
    told = [compose()["services"]["objects"]["command"], there.raw["args"]]

    assert [one[one.index(KEEPING[0]) : -1] for one in told] == [[*KEEPING, "/data/metadata"]] * 2
    assert {one[-1] for one in told} == {"/data/objects"}
    for made in (compose()["services"]["objects-bucket"]["entrypoint"], there.pod["initContainers"][0]["command"]):
        assert "mkdir -p /data/metadata /data/objects/graftwork" in " ".join(made)


@pytest.mark.parametrize(
    ("file", "told", "profiles"),
    [
        ("observability", ("gateway", "OTEL_EXPORTER_OTLP_ENDPOINT"), {"collector", "traces", "prometheus", "grafana"}),
        ("gpu", ("gateway", "GRAFTWORK_POOLS"), {"engine-cache", "solvers-weak", "solvers-strong"}),
    ],
)
def test_what_a_profile_needs_is_told_by_its_file(file: str, told: tuple[str, str], profiles: set[str]) -> None:
    path = ROOT / "deploy" / f"{file}.env"
    services = json.loads(ran(["compose", str(ROOT / "docker-compose.yml")], path.read_text()))["services"]
    name, variable = told

    assert {each for each, one in services.items() if file in one.get("profiles", [])} == profiles
    assert any(each in services[name]["environment"][variable] for each in profiles)


def test_what_engines_compile_lies_where_it_may_be_loaded() -> None:
    """It is loaded as libraries are, and Docker mounts a tmpfs ``noexec`` unless it is told otherwise."""
    engines = {
        name: one
        for name, one in compose()["services"].items()
        if one.get("environment", {}).get("GRAFTWORK_SOLVERS_BACKEND") == "vllm"
    }
    told = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
    written = {
        name: {one["environment"]["HOME"], *(one["environment"][each].rpartition("/")[0] for each in told)}
        for name, one in engines.items()
    }
    volumes = {name: {volume["target"] for volume in one["volumes"]} for name, one in engines.items()}

    assert {"solvers-weak", "solvers-strong"} == set(engines)
    assert {name: {"/cache"} for name in engines} == written
    assert {name for name in engines if "/cache" in volumes[name]} == set(engines)
    assert {name for name, one in engines.items() if "exec" in one["tmpfs"][0].split(",")} == set(engines)


def test_no_two_engines_share_a_gpu() -> None:
    """``count`` shares nothing out: everybody who asks for one gets the first."""
    asked = {
        name: one["deploy"]["resources"]["reservations"]["devices"]
        for name, one in compose()["services"].items()
        if "reservations" in one.get("deploy", {}).get("resources", {})
    }
    named = [gpu for devices in asked.values() for one in devices for gpu in one.get("device_ids", [])]

    assert {"solvers-weak", "solvers-strong"} == set(asked)
    assert [name for name, devices in asked.items() if any("count" in one for one in devices)] == []
    assert sorted(named) == sorted(set(named))
    assert len(named) >= len(asked)


def test_both_worlds_run_the_same_images() -> None:
    here = {one.image for one in compose_containers()}
    there = {one.image for place in ("overlays/dev", "overlays/prod") for one in containers(rendering(place))}
    only_here = {image.partition(":")[0] for image in here - there}

    assert set() == there - here
    assert {"grafana/grafana", "jaegertracing/jaeger", "prom/prometheus"} == only_here


def test_both_worlds_tell_services_the_same_things() -> None:
    there = {one.name: one for one in containers(rendering("components/observability")) if is_ours(one)}
    different = {
        name: (one.told ^ there[name].told) - DIFFERENT_IN_A_CLUSTER for name, one in ours().items() if name in there
    }

    assert set(there) <= set(ours())
    assert wrong(different) == {}


def test_both_worlds_tell_the_servers_the_same_things() -> None:
    there = {one.name: one.environment for one in containers(rendering("overlays/dev")) if not is_ours(one)}
    here = {one.name: one.environment for one in compose_containers()}
    where = {"KAFKA_CONTROLLER_QUORUM_VOTERS", "KAFKA_LOG_DIRS"}

    assert {k: v for k, v in here["kafka"].items() if k not in where} == {
        k: v for k, v in there["kafka"].items() if k not in where
    }
    assert {"ROOT_ACCESS_KEY", "ROOT_SECRET_KEY"} == set(there["objects"])
    assert all(f"{name}=" in " ".join(compose()["services"]["objects"]["entrypoint"]) for name in there["objects"])


def test_traces_go_to_the_collector_where_there_is_one_and_nowhere_else() -> None:
    lines = (ROOT / "deploy" / "observability.env").read_text().splitlines()
    said = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    there = rendering("components/observability")
    (traces,) = (one for one in of_kind(there, "Service") if one["metadata"]["name"] == "collector")
    ports = {port["name"]: port["port"] for port in traces["spec"]["ports"]}
    address = f"http://collector:{ports['otlp-http']}"

    assert said == {"COMPOSE_PROFILES": "observability", "GRAFTWORK_TRACES": address}
    assert {""} == {one.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] for one in ours().values()}
    assert {address} == {
        one.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        for one in containers(there)
        if is_ours(one) and one.name != "vllm"
    }
    assert compose()["services"]["collector"]["profiles"] == ["observability"]
