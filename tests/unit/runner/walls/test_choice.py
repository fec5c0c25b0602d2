"""Which wall is chosen, and what is said where there is none."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from subprocess import run

import pytest
from structlog.testing import capture_logs

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import WallChoice
from graftwork_runner.walls import strongest_wall
from graftwork_runner.walls.refusals import refusals_told
from graftwork_runner.walls.tools import tool
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


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Makes a program of this machine one that the kernel cannot execute."""

    def break_it(name: str) -> None:
        (tmp_path / name).write_text("no program\n")
        (tmp_path / name).chmod(0o755)

    copyfile(tool("cat"), tmp_path / "cat")  # that its libraries are asked for anew
    (tmp_path / "cat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return break_it


@needs_bwrap
@needs_runsc
@pytest.mark.parametrize("program", ["env", "ldd"])
def test_what_the_machine_refuses_is_a_reason_and_no_accident(broken: Callable[[str], None], program: str) -> None:
    broken(program)
    with capture_logs() as said:
        assert strongest_wall("auto") is None
    [line] = said
    for wall in ("bubblewrap", "gvisor"):
        assert line[wall].startswith("this machine refuses what it needs: [Errno 8] Exec format error")


@needs_runsc
def test_no_place_for_a_directory_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(WallDown, match=r"^this machine refuses what it needs: .*/nowhere/graftwork-gvisor-"):
        strongest_wall("gvisor")


def test_a_program_that_does_not_end_is_a_reason() -> None:
    with pytest.raises(WallDown, match="timed out after"), refusals_told():
        run([tool("sleep"), "600"], timeout=0.01, check=False)  # noqa: S603


@needs_runsc
@pytest.mark.usefixtures("broken_bwrap")
def test_gvisor_stands_in_where_bubblewrap_does_not() -> None:
    standing("gvisor")
    wall = strongest_wall("auto")
    assert wall is not None
    assert wall.name == "gvisor"
    wall.close()
