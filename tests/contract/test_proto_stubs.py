import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUBS = Path("graftwork/models/proto/v1")


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("stubs")
    command = [ROOT / "scripts" / "proto", target]
    subprocess.run(command, check=True, env={**os.environ, "PYTHON": sys.executable})  # noqa: S603 - our own script
    return target


@pytest.mark.parametrize("name", ["solvers_pb2.py", "solvers_pb2.pyi", "solvers_pb2_grpc.py"])
def test_the_committed_stubs_are_what_the_contract_generates(regenerated: Path, name: str) -> None:
    expected = (regenerated / STUBS / name).read_text()

    assert (ROOT / STUBS / name).read_text() == expected, "run scripts/proto"


def test_no_stub_is_left_of_a_contract_that_is_gone(regenerated: Path) -> None:
    generated = {path.name for path in (regenerated / STUBS).iterdir()}

    committed = {path.name for path in (ROOT / STUBS).iterdir() if path.is_file()}

    assert committed == generated | {"__init__.py"}
