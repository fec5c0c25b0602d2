"""Every rendered object is one that its reader would take: unknown fields are errors."""

import json

import kubernetes_validate
import pytest
import yaml

from tests.support.manifests import COMPONENTS
from tests.support.manifests import RENDERINGS
from tests.support.manifests import Object
from tests.support.manifests import compose
from tests.support.manifests import ran
from tests.support.manifests import rendering

OLDEST, NEWEST = "1.34", kubernetes_validate.latest_version()
"""Of Kubernetes: the first with the preStop action `sleep` for everybody, and the last that is known here."""
_OWN_GROUPS = ("apps", "batch", "policy", "networking.k8s.io", "node.k8s.io")


def is_kubernetes_own(one: Object) -> bool:
    group, slash, _ = one["apiVersion"].partition("/")
    return not slash or group in _OWN_GROUPS


def mistake(one: Object, version: str) -> str | None:
    try:
        kubernetes_validate.validate(one, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{one['kind']} {one['metadata']['name']}: {error.message}"
    return None


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_its_own_objects(version: str) -> None:
    own = {json.dumps(one): one for place in RENDERINGS for one in rendering(place) if is_kubernetes_own(one)}

    assert own
    assert [found for one in own.values() if (found := mistake(one, version))] == []


@pytest.mark.parametrize("place", RENDERINGS)
def test_operators_take_theirs(place: str) -> None:
    theirs = [one for one in rendering(place) if not is_kubernetes_own(one)]

    ran(["strict"], yaml.safe_dump_all(theirs))


def test_an_unknown_field_is_refused_by_its_case_too() -> None:
    wrong = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "x"},
        "spec": {"coolDownPeriod": 3},
    }

    with pytest.raises(AssertionError, match="coolDownPeriod"):
        ran(["strict"], yaml.safe_dump(wrong))


def test_every_component_is_rendered() -> None:
    assert {f"components/{path.name}" for path in COMPONENTS.iterdir()} <= set(RENDERINGS)


def test_compose_loads_with_every_profile() -> None:
    assert {"gpu", "observability"} == {
        profile for service in compose()["services"].values() for profile in service.get("profiles") or []
    }
