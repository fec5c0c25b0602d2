"""Shells complete commands: bash itself is asked, by the script that is printed for it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command

ASKED = """
source "$1"
compopt() { echo "[$*]"; }  # bash has it only while a person types
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_graftwork_completion graftwork
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(graftwork: Command, tmp_path: Path) -> Path:
    """What bash reads at its start."""
    file = tmp_path / "completion.sh"
    file.write_text(graftwork("completion", "bash").stdout)
    return file


def completed(script: Path, *words: str) -> list[str]:
    """What bash proposes for the last word."""
    bash = shutil.which("bash")
    assert bash is not None
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    ended = subprocess.run(  # noqa: S603 (our own words)
        [bash, "-c", ASKED, "bash", str(script), "graftwork", *words],
        env={"PATH": path, "HOME": str(script.parent)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["da"], ["datasets"]),
        (["jobs", "re"], ["retry"]),
        (["datasets", "save-as", "lessons", "--to", "c"], ["chatml"]),
        (["datasets", "save-as", "--kee"], ["--keep-extras"]),
        (["--ver"], ["--version"]),
        (["completion", "z"], ["zsh"]),
        (["nonsense", "x"], []),
        (["validate", "j"], ["[-o", "default]"]),
    ],
)
def test_bash_completes_what_was_begun(script: Path, words: list[str], expected: list[str]) -> None:
    assert completed(script, *words) == expected


def test_every_command_is_proposed(script: Path) -> None:
    assert {"run", "init", "datasets", "tree", "completion", "doctor"} <= set(completed(script, ""))


@pytest.mark.parametrize(("shell", "said"), [("zsh", "#compdef graftwork"), ("fish", "complete --no-files --command")])
def test_other_shells_have_scripts_too(graftwork: Command, shell: str, said: str) -> None:
    ended = graftwork("completion", shell)

    assert ended.status == 0
    assert said in ended.stdout


def test_an_unknown_shell_is_wrong_usage(graftwork: Command) -> None:
    assert graftwork("completion", "tcsh").status == 2
