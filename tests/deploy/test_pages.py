"""Commands that pages tell operators to type, as far as manifests can answer for them."""

import re

import pytest

from tests.support.manifests import ROOT
from tests.support.manifests import of_kind
from tests.support.manifests import rendering

PAGES = sorted([ROOT / "README.md", ROOT / "k8s" / "README.md", *(ROOT / "docs").rglob("*.md")])
_OF_THE_CLUSTER = ("kubectl create namespace", "kubectl apply -k", "kubectl rollout undo", "kubectl rollout restart")
_COMMAND = re.compile(r"kubectl [^`\n]+")
_NAMED = re.compile(r"(?:deployment|deploy)/([a-z-]+)|scale deployment ([a-z][a-z-]*) ")


def commands() -> list[tuple[str, str]]:
    """Page -> command."""
    found = [(path.name, one) for path in PAGES for one in _COMMAND.findall(path.read_text())]
    assert found
    return found


def test_commands_name_the_namespace() -> None:
    elsewhere = [
        one for one in commands() if not one[1].startswith(_OF_THE_CLUSTER) and " -n graftwork " not in f"{one[1]} "
    ]

    assert elsewhere == []


@pytest.mark.parametrize("place", ["overlays/dev", "overlays/prod"])
def test_commands_name_what_there_is(place: str) -> None:
    there = {one["metadata"]["name"] for one in of_kind(rendering(place), "Deployment")}
    named = {first or second for _, one in commands() for first, second in _NAMED.findall(one)}

    assert "admin" in named
    assert named <= there


def test_nobody_is_sent_into_a_service_to_look_after_the_platform() -> None:
    """It knows its own topics and its own database alone."""
    sent = {
        name for _, one in commands() if " exec " in one and "graftwork admin" in one for name, _ in _NAMED.findall(one)
    }

    assert sent == {"admin"}


@pytest.mark.parametrize("place", ["overlays/dev", "overlays/prod"])
def test_the_label_that_stops_the_services_leaves_people_their_pod(place: str) -> None:
    labelled = {
        one["metadata"]["name"]
        for one in of_kind(rendering(place), "Deployment")
        if one["metadata"].get("labels", {}).get("app.kubernetes.io/part-of") == "graftwork"
    }
    selectors = {one for _, command in commands() for one in re.findall(r" -l (\S+)", command)}

    assert selectors == {"app.kubernetes.io/part-of=graftwork"}
    assert labelled == {"gateway", "search", "optimizer", "runner", "evaluator", "curator", "solvers"}
