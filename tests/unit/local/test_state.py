import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graftwork.local.state import HOME_VARIABLE
from graftwork.local.state import PlatformState
from graftwork.local.state import first_key
from graftwork.local.state import graftwork_home
from graftwork.local.state import read_environment
from graftwork.local.state import write_environment

STATE = PlatformState(url="http://127.0.0.1:8765", api_key="gw_secret", pid=os.getpid())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_running_platform_is_found_and_forgotten(tmp_path: Path) -> None:
    STATE.write(tmp_path)

    assert PlatformState.read(tmp_path) == STATE
    assert mode(tmp_path / "state.json") == 0o600

    PlatformState.remove(tmp_path)
    PlatformState.remove(tmp_path)

    assert PlatformState.read(tmp_path) is None


def test_a_platform_whose_process_has_gone_is_none(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    PlatformState(url=STATE.url, api_key="k", pid=gone.pid).write(tmp_path)

    assert PlatformState.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"url": "u", "api_key": "k", "pid": 1, "more": 2}'])
def test_a_torn_or_foreign_state_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)

    assert PlatformState.read(tmp_path) is None


def test_the_key_stays_out_of_sight() -> None:
    assert "gw_secret" not in repr(STATE)


def test_the_first_key_is_long_private_and_stays(tmp_path: Path) -> None:
    key = first_key(tmp_path / "home")

    assert len(key) >= 32
    assert mode(tmp_path / "home" / "key") == 0o600
    assert first_key(tmp_path / "home") == key


def test_a_service_s_settings_are_kept_for_a_shell_and_for_its_owner(tmp_path: Path) -> None:
    write_environment(tmp_path, "solvers", {"B": 'it\'s {"a": 1}', "A": "plain"})
    script = f'. {tmp_path}/services/solvers.env; printf "%s|%s" "$A" "$B"'
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607

    assert told == 'plain|it\'s {"a": 1}'
    assert mode(tmp_path / "services" / "solvers.env") == 0o600
    assert read_environment(tmp_path, "gateway") is None


def test_the_home_is_the_one_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))

    assert graftwork_home() == tmp_path

    monkeypatch.delenv(HOME_VARIABLE)

    assert graftwork_home().name == "graftwork"
