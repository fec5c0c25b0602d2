"""The Dockerfile, read as text: `scripts/check-images` runs what it runs."""

import fnmatch
import json
import subprocess
import tomllib

from tests.deploy.test_pods import PINNED
from tests.support.manifests import ROOT
from tests.support.manifests import compose_containers
from tests.support.manifests import is_ours
from tests.support.manifests import service_of

LINES = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.lstrip().startswith("#")]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))


def test_every_service_is_an_image_and_every_image_a_service() -> None:
    assert set(SERVICES) == {service_of(one) for one in compose_containers() if is_ours(one)}


def test_every_service_is_one_command() -> None:
    written = {name: tomllib.loads((ROOT / "services" / name / "pyproject.toml").read_text()) for name in SERVICES}

    assert {name: {f"graftwork-{name}": f"graftwork_{name}.__main__:main"} for name in SERVICES} == {
        name: one["project"]["scripts"] for name, one in written.items()
    }


def test_both_stages_stand_on_the_same_pinned_base() -> None:
    (base,) = (line.removeprefix("ARG BASE=") for line in LINES if line.startswith("ARG BASE="))

    assert PINNED.match(base.removesuffix("-slim-bookworm"))
    assert [line for line in LINES if line.startswith("FROM")] == ["FROM ${BASE} AS build", "FROM ${BASE}"]


def test_nobody_runs_as_root_in_the_end() -> None:
    assert [line for line in LINES if line.startswith("USER")][-1] == "USER 10001:10001"


def test_the_image_is_made_by_the_steps_that_are_checked() -> None:
    ran = " ".join(LINES)

    assert 'scripts/image-install "${SERVICE}" /opt/graftwork' in ran
    assert '$(/tmp/image-packages "${SERVICE}")' in ran
    assert "image-install" in (ROOT / "scripts" / "images.py").read_text()
    assert "pip install" not in ran


def test_every_image_was_verified() -> None:
    """Whether it still is what was verified, `make check-images` asks: it installs those that are not."""
    assert list(json.loads((ROOT / "deploy" / "images.verified").read_text())) == SERVICES


def test_the_walls_of_the_sandbox_are_in_the_runners_image() -> None:
    packages = {
        name: subprocess.run(  # noqa: S603 - a script of ours
            [str(ROOT / "scripts" / "image-packages"), name], capture_output=True, text=True, check=True
        ).stdout.split()
        for name in SERVICES
    }

    assert {"bubblewrap", "libseccomp2"} <= set(packages["runner"])
    assert {name: ["tini"] for name in SERVICES if name != "runner"} == {
        name: found for name, found in packages.items() if name != "runner"
    }


def test_nothing_but_what_is_installed_is_sent_to_the_builder() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    admitted = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]

    assert rules[0] == "*"
    assert all((ROOT / one).exists() for one in admitted)
    for private in (".venv", ".git", ".env", "build", "tests", "deploy/gpu.env"):
        assert not any(fnmatch.fnmatch(private, one) for one in admitted)
