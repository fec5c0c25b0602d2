"""Which wall is chosen, and what is said where there is none."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import WallChoice
from graftwork_runner.walls import strongest_wall
from tests.support.walls import needs_bwrap
from tests.support.walls import needs_runsc
from tests.support.walls import standing


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No tool is found."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("name", ["bubblewrap", "gvisor"])
def test_a_wall_asked_for_by_name_that_does_not_stand_is_an_error(name: WallChoice) -> None:
    with pytest.raises(WallDown, match="this machine has no `"):
        strongest_wall(name)


@pytest.mark.usefixtures("bare_machine")
def test_a_machine_without_walls_is_said_once_and_plainly() -> None:
    with capture_logs() as said:
        assert strongest_wall("auto") is None
    [line] = said
    assert (line["event"], line["log_level"]) == ("wall.none", "warning")
    assert line["reason"] == "none stands here; the interpreter in its own process is the only wall"
    assert set(line) == {"event", "log_level", "reason", "bubblewrap", "gvisor"}


def test_no_wall_at_all_can_be_chosen_and_is_said() -> None:
    with capture_logs() as said:
        assert strongest_wall("none") is None
    assert [line["event"] for line in said] == ["wall.none"]


@needs_bwrap
def test_the_strongest_is_bubblewrap_where_it_stands() -> None:
    standing("bubblewrap")
    with capture_logs() as said:
        wall = strongest_wall("auto")
    assert wall is not None
    assert (wall.name, said) == ("bubblewrap", [])
    wall.close()


@pytest.fixture
def broken_bwrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has bubblewrap and does not let it do its work."""
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: no permission to create a namespace >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@needs_bwrap
@pytest.mark.usefixtures("broken_bwrap")
def test_a_launcher_that_fails_is_no_wall() -> None:
    with pytest.raises(WallDown, match="bwrap"):
        strongest_wall("bubblewrap")


@needs_runsc
@pytest.mark.usefixtures("broken_bwrap")
def test_gvisor_stands_in_where_bubblewrap_does_not() -> None:
    standing("gvisor")
    wall = strongest_wall("auto")
    assert wall is not None
    assert wall.name == "gvisor"
    wall.close()
