"""The promises of proto/ hold: what would break a caller or a pod of an earlier release is refused."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUBS = "graftwork/models/proto/v1"
CONTRACT = "proto/graftwork/v1/solvers.proto"
Run = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts need of a checkout, without git."""
    for folder in ("scripts", "proto", STUBS):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


@pytest.fixture
def run(checkout: Path) -> Run:
    python = Path(sys.executable)
    tools = {"PYTHON": str(python), "BUF": str(python.with_name("buf"))}

    def run(script: str) -> subprocess.CompletedProcess[str]:
        command = [checkout / "scripts" / script]
        return subprocess.run(  # noqa: S603 - our own script
            command, check=False, capture_output=True, text=True, env={**os.environ, **tools}
        )

    return run


def edit(checkout: Path, old: str, new: str) -> None:
    contract = checkout / CONTRACT
    text = contract.read_text()
    assert old in text
    contract.write_text(text.replace(old, new, 1))


def test_the_contract_as_committed_passes(run: Run) -> None:
    ended = run("proto-check")

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  double queue_seconds = 5;\n", ""),
        ("double queue_seconds = 5", "double queue_seconds = 9"),
        ("double queue_seconds = 5", "string queue_seconds = 5"),
        ("  rpc Embed(EmbedRequest) returns (EmbedResponse);\n", ""),
        ("  PROFILE_COMPACT = 2;\n", ""),
    ],
)
def test_a_change_that_breaks_is_refused_even_if_asked_for(checkout: Path, run: Run, old: str, new: str) -> None:
    before = (checkout / "proto/published.json").read_bytes()
    edit(checkout, old, new)

    assert (run("proto-check").returncode, run("proto-publish").returncode) == (100, 100)
    assert (checkout / "proto/published.json").read_bytes() == before


def test_an_addition_has_to_be_published_and_is_a_promise_then(checkout: Path, run: Run) -> None:
    edit(checkout, "double queue_seconds = 5;", "double queue_seconds = 5;\n  double more_seconds = 99;")
    unpublished = run("proto-check")
    published = [run("proto-publish").returncode, run("proto").returncode, run("proto-check").returncode]
    edit(checkout, "  double more_seconds = 99;\n", "")

    assert (unpublished.returncode, published) == (1, [0, 0, 0])
    assert "run scripts/proto-publish" in unpublished.stderr
    assert run("proto-check").returncode == 100


def test_style_is_checked(checkout: Path, run: Run) -> None:
    edit(checkout, "double queue_seconds = 5", "double queueSeconds = 5")

    ended = run("proto-check")

    assert "lower_snake_case" in ended.stdout
