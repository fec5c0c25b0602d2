"""What the command line says where ``graftwork`` was installed without its extras."""

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT_SETTINGS = """
import sys
sys.modules["pydantic_settings"] = None  # as if it were not installed
from graftwork.cli.main import main
main()
"""


@pytest.mark.parametrize("command", [["up"], ["run", "job.yaml"]])
def test_what_starts_servers_names_the_package_it_lacks_and_how_to_get_it(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("name: a\ntask: Write word problems.\ncount: 2\n")
    ended = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", WITHOUT_SETTINGS, *command],
        cwd=tmp_path,
        env={"GRAFTWORK_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == (
        "graftwork: this needs the package pydantic_settings: "
        "pip install 'graftwork[local]', or name a server that runs: --url\n"
    )
    assert ended.returncode == 1
