from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from graftwork.cli.main import main
from tests.support.canned_server import CannedServer
from tests.support.command import Ended


class Command(Protocol):
    def __call__(self, *arguments: str) -> Ended: ...


@pytest.fixture
def server() -> Iterator[CannedServer]:
    with CannedServer.running() as canned:
        yield canned


@pytest.fixture
def graftwork(
    server: CannedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command line in this process, talking to the canned server."""
    monkeypatch.setenv("GRAFTWORK_URL", server.url)
    monkeypatch.setenv("GRAFTWORK_API_KEY", "gw_key")
    monkeypatch.setenv("GRAFTWORK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["graftwork", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, out, err)

    return run
