"""The deployment files as their readers see them: rendered, variables resolved, containers all of one shape."""

import json
import os
import subprocess
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
COMPONENTS = ROOT / "k8s" / "components"
OVERLAYS = ROOT / "k8s" / "overlays"
FIRST = {"leaderworkerset": "gpu", "keda-gpu": "gpu"}
"""Component -> the one that it changes."""
RENDERINGS = [
    *(f"overlays/{path.name}" for path in sorted(OVERLAYS.iterdir())),
    *(f"components/{path.name}" for path in sorted(COMPONENTS.iterdir())),
]
"""Every overlay, and every component on the bare base."""
PLACES = ["compose", *RENDERINGS]
GIVEN = {
    "ledger": {"connectionString.standard": "mongodb://ledger:27017/?replicaSet=rs0"},
    "objects": {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"},
    "endpoint": {"api-key": "sk-test"},
    "gateway": {"first-key": "gw_" + "0" * 40},
}
"""Secrets that an overlay, an operator or a person brings, with values that would do."""
COMPOSE_ENVIRONMENT = {"GRAFTWORK_API_KEY": GIVEN["gateway"]["first-key"]}
_POD_OWNERS = ("Deployment", "StatefulSet", "Job")

Object = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """A container of either world. ``ports``: where it listens. ``memory``: most bytes, None for no limit."""

    name: str
    image: str
    environment: Mapping[str, str]
    ports: frozenset[int]
    memory: int | None
    grace_seconds: float
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: Object = field(default_factory=dict)
    pod: Object = field(default_factory=dict)


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """Every object of an overlay."""
    return _built(OVERLAYS / name)


@cache
def component(name: str) -> tuple[Object, ...]:
    """Every object of the base with one component, and with the one that it changes."""
    needed = [FIRST[name]] if name in FIRST else []
    folder = ROOT / "build" / "kustomize" / name
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "namespace": "graftwork",
        "resources": [_from(folder, ROOT / "k8s" / "base")],
        "components": [_from(folder, COMPONENTS / one) for one in [*needed, name]],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return _built(folder)


def rendering(name: str) -> tuple[Object, ...]:
    """One of ``RENDERINGS``."""
    folder, _, one = name.partition("/")
    return overlay(one) if folder == "overlays" else component(one)


@cache
def compose() -> Object:
    """The Compose project with every profile."""
    given = "".join(f"{name}={value}\n" for name, value in COMPOSE_ENVIRONMENT.items())
    loaded: Object = json.loads(ran(["compose", str(ROOT / "docker-compose.yml")], given))
    return loaded


def ran(command: list[str], given: str = "") -> str:
    """What one of our tools says. Fails with its words."""
    program = TOOLS / command[0]
    if not program.exists():
        raise AssertionError(f"{program.relative_to(ROOT)} is not built: make check-deploy does so")
    done = subprocess.run(  # noqa: S603 - programs of our own
        [str(program), *command[1:]],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def of_kind(objects: Iterable[Object], *kinds: str) -> Iterator[Object]:
    """Those of some kinds."""
    return (one for one in objects if one["kind"] in kinds)


def pods(objects: Iterable[Object]) -> dict[str, Object]:
    """Pod templates by the name of what owns them; each has ``metadata`` and ``spec``."""
    objects = list(objects)
    found = {one["metadata"]["name"]: one["spec"]["template"] for one in of_kind(objects, *_POD_OWNERS)}
    for group in of_kind(objects, "LeaderWorkerSet"):
        name, template = group["metadata"]["name"], group["spec"]["leaderWorkerTemplate"]
        found |= {name: template["leaderTemplate"], f"{name}-worker": template["workerTemplate"]}
    return found


def containers(objects: Iterable[Object]) -> Iterator[Container]:
    """Every container, those that run before others included."""
    objects = list(objects)
    for pod in pods(objects).values():
        for raw in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            yield Container(
                name=raw["name"],
                image=raw["image"],
                environment=dict(_environment(raw, objects)),
                ports=frozenset(port["containerPort"] for port in raw.get("ports", [])),
                memory=quantity(raw.get("resources", {}).get("limits", {}).get("memory")),
                grace_seconds=pod["spec"].get("terminationGracePeriodSeconds", 30),
                labels=pod["metadata"]["labels"],
                raw=raw,
                pod=pod["spec"],
            )


def compose_containers() -> Iterator[Container]:
    """Every service of the Compose file."""
    for name, raw in compose()["services"].items():
        limits = raw.get("deploy", {}).get("resources", {}).get("limits", {})
        yield Container(
            name=name,
            image=raw["image"],
            environment={key: value for key, value in (raw.get("environment") or {}).items() if value is not None},
            ports=frozenset(int(port["target"]) for port in raw.get("ports", [])),
            memory=int(limits["memory"]) if "memory" in limits else None,
            grace_seconds=seconds(raw.get("stop_grace_period", "10s")),
            raw=raw,
        )


def is_ours(container: Container) -> bool:
    """Whether our Dockerfile makes its image."""
    return container.image.startswith("graftwork/")


def service_of(container: Container) -> str:
    """The service in it: ``graftwork/solvers-vllm:0.1.0`` -> ``solvers``."""
    return container.image.removeprefix("graftwork/").partition(":")[0].removesuffix("-vllm")


def wrong(found: Mapping[str, Collection[Any]]) -> dict[str, list[Any]]:
    """Only what has faults. Fails where nothing was looked at."""
    assert found
    return {name: list(faults) for name, faults in found.items() if faults}


def quantity(written: str | None) -> int | None:
    """Bytes of Kubernetes' ``512Mi``."""
    if written is None:
        return None
    for unit, power in (("Ki", 1), ("Mi", 2), ("Gi", 3), ("Ti", 4)):
        if written.endswith(unit):
            return int(float(written.removesuffix(unit)) * 1024**power)
    return int(written)


def seconds(written: str) -> float:
    """Seconds of Go's ``1m30s``."""
    total, number = 0.0, ""
    for sign in written:
        if sign in "hms":
            total += float(number) * {"h": 3600, "m": 60, "s": 1}[sign]
            number = ""
        else:
            number += sign
    return total


def _from(folder: Path, target: Path) -> str:
    return os.path.relpath(target, folder)


def _built(folder: Path) -> tuple[Object, ...]:
    return tuple(yaml.safe_load_all(ran(["kustomize", "build", str(folder)])))


def _environment(raw: Object, objects: list[Object]) -> Iterator[tuple[str, str]]:
    for source in raw.get("envFrom", []):
        if "configMapRef" in source:
            yield from _data(objects, "ConfigMap", source["configMapRef"]["name"]).items()
        else:
            yield from _data(objects, "Secret", source["secretRef"]["name"]).items()
    for variable in raw.get("env", []):
        if "value" in variable:
            yield variable["name"], variable["value"]
        else:
            reference = variable["valueFrom"]["secretKeyRef"]
            yield variable["name"], _data(objects, "Secret", reference["name"])[reference["key"]]


def _data(objects: list[Object], kind: str, name: str) -> Mapping[str, str]:
    """A secret that is not here is one that is given. Fails where there is neither."""
    for one in of_kind(objects, kind):
        if one["metadata"]["name"] == name:
            return GIVEN[_bare(name)] if kind == "Secret" else one["data"]
    assert kind == "Secret", f"no ConfigMap {name}"
    assert name in GIVEN, f"no Secret {name}, and nobody is told to bring one"
    return GIVEN[name]


def _bare(hashed: str) -> str:
    """Without the hash that kustomize puts behind the name of what it generates."""
    return hashed.rpartition("-")[0]
