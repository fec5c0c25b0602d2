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

from tests.support.manifest_secrets import secrets_of

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "tools"
COMPONENTS = ROOT / "k8s" / "components"
OVERLAYS = ROOT / "k8s" / "overlays"
FIRST = {
    "leaderworkerset": ["gpu", "keda-gpu"],
    "keda-gpu": ["gpu"],
    "mongodb": ["admin"],
    "tls": ["admin", "strimzi", "mongodb", "gpu", "leaderworkerset"],
    "keda-tls": ["strimzi", "mongodb", "keda", "tls"],
}
"""Component -> those that it changes."""
RENDERINGS = [
    *(f"overlays/{path.name}" for path in sorted(OVERLAYS.iterdir())),
    *(f"components/{path.name}" for path in sorted(COMPONENTS.iterdir())),
]
"""Every overlay, and every component on the bare base."""
PLACES = ["compose", *RENDERINGS]
SECRETS_FOLDER = "/run/secrets/graftwork"
"""Where services look for files of secrets."""
_POD_OWNERS = ("Deployment", "StatefulSet", "Job")

Object = dict[str, Any]


@dataclass(frozen=True)
class Container:
    """A container of either world. ``ports``: where it listens. ``memory``: most bytes, None for no limit.

    ``secrets``: names of the files in ``SECRETS_FOLDER``, each of a variable.
    """

    name: str
    image: str
    environment: Mapping[str, str]
    secrets: frozenset[str]
    ports: frozenset[int]
    memory: int | None
    grace_seconds: float
    labels: Mapping[str, str] = field(default_factory=dict)
    raw: Object = field(default_factory=dict)
    pod: Object = field(default_factory=dict)

    @property
    def told(self) -> frozenset[str]:
        """Variables that it is told, in its environment or by a file."""
        return self.secrets | self.environment.keys()


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """Every object of an overlay."""
    return _built(OVERLAYS / name)


@cache
def component(name: str) -> tuple[Object, ...]:
    """Every object of the base with one component, and with those that it changes."""
    folder = ROOT / "build" / "kustomize" / name
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "namespace": "graftwork",
        "resources": [_from(folder, ROOT / "k8s" / "base")],
        "components": [_from(folder, COMPONENTS / one) for one in [*FIRST.get(name, ()), name]],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(written))
    return _built(folder)


def rendering(name: str) -> tuple[Object, ...]:
    """One of ``RENDERINGS``."""
    folder, _, one = name.partition("/")
    return overlay(one) if folder == "overlays" else component(one)


@cache
def compose() -> Object:
    """The Compose project with every profile, of a shell that says nothing."""
    loaded: Object = json.loads(ran(["compose", str(ROOT / "docker-compose.yml")]))
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
                secrets=frozenset(mounted(raw, pod["spec"], objects).get(SECRETS_FOLDER, ())),
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
            secrets=frozenset(_mounted_by_compose(raw)),
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


def mounted(raw: Object, pod: Object, objects: Iterable[Object]) -> dict[str, list[str]]:
    """Folder -> files in it, of the volumes that are made of secrets."""
    volumes = {one["name"]: one["projected"]["sources"] for one in pod.get("volumes", []) if "projected" in one}
    known = secrets_of(objects)
    return {
        one["mountPath"]: [path for source in volumes[one["name"]] for path in _paths(source["secret"], known)]
        for one in raw.get("volumeMounts", [])
        if one["name"] in volumes
    }


def _paths(secret: Object, known: Mapping[str, frozenset[str]]) -> Iterator[str]:
    assert secret["name"] in known, f"no Secret {secret['name']}, and nobody is told to bring one"
    keys = known[secret["name"]]
    items = secret.get("items", [{"key": key, "path": key} for key in sorted(keys)])
    assert {one["key"] for one in items} <= keys, f"Secret {secret['name']} has only {sorted(keys)}"
    yield from (one["path"] for one in items)


def _mounted_by_compose(raw: Object) -> Iterator[str]:
    for one in raw.get("secrets") or []:
        folder, _, name = one.get("target", "").rpartition("/")
        if folder == SECRETS_FOLDER:
            yield name


def _environment(raw: Object, objects: list[Object]) -> Iterator[tuple[str, str]]:
    for source in raw.get("envFrom", []):
        (data,) = (
            one["data"]
            for one in of_kind(objects, "ConfigMap")
            if one["metadata"]["name"] == source["configMapRef"]["name"]
        )
        yield from data.items()
    for variable in raw.get("env", []):
        yield variable["name"], variable.get("value", "a secret")
