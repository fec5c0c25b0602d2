"""What harmless programs see from behind a wall. The hostile ones are in tests/security."""

import shutil
import socket
from pathlib import Path
from subprocess import PIPE
from subprocess import run

import pytest

from graftwork_runner.errors import WallDown
from graftwork_runner.walls import Wall
from graftwork_runner.walls import WallChoice
from tests.support.walls import EVERY_WALL
from tests.support.walls import LIMITS
from tests.support.walls import behind
from tests.support.walls import needs_bwrap
from tests.support.walls import standing


@pytest.fixture(params=EVERY_WALL)
def wall(request: pytest.FixtureRequest) -> Wall:
    name: WallChoice = request.param
    return standing(name)


@pytest.fixture
def bubblewrap() -> Wall:
    return standing("bubblewrap")


def test_a_program_runs_and_its_arguments_are_its_own(wall: Wall) -> None:
    said = behind(wall, "printf", "%s\n", 'a "b" $(id) `id`', "", "--help")
    assert (said.stdout, said.stderr, said.returncode) == ('a "b" $(id) `id`\n\n--help\n', "", 0)


def test_its_exit_status_is_ours_to_see(wall: Wall) -> None:
    assert behind(wall, "false").returncode == 1


def test_it_is_no_user_of_this_machine(wall: Wall) -> None:
    assert behind(wall, "id", "-u").stdout == "65534\n"


def test_it_has_no_environment(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_SECRET", "hunter2")
    assert set(behind(wall, "env").stdout.splitlines()) <= {"PWD=/"}


def test_it_finds_none_of_our_files(wall: Wall, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_text("secret")
    for path in (str(ours), "/etc/passwd", __file__, "/root", "/home"):
        said = behind(wall, "cat", path)
        assert (said.stdout, said.returncode) == ("", 1)
        assert "No such file or directory" in said.stderr


def test_it_reads_what_it_was_shown_and_cannot_change_it(wall: Wall, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    text = shown / "text"
    text.write_text("read me")
    assert behind(wall, "cat", str(text), readable=[shown]).stdout == "read me"
    for change in (("truncate", "--size=0"), ("rm", "--force"), ("chmod", "777")):
        behind(wall, *change, str(text), readable=[shown])
    assert text.read_text() == "read me"


@needs_bwrap
def test_bubblewrap_s_root_holds_the_program_and_its_libraries_alone(bubblewrap: Wall) -> None:
    program = Path(str(shutil.which("ls")))
    libraries = ("lib", "lib64", "usr")
    seen = behind(bubblewrap, "ls", "/").stdout.split()
    assert program.parts[1] in seen
    assert set(seen) <= {program.parts[1], *libraries}


@needs_bwrap
def test_bubblewrap_leaves_nowhere_to_write(bubblewrap: Wall) -> None:
    for place in ("/", "/tmp", "/dev/shm", "/proc/self", "/usr"):  # noqa: S108
        assert behind(bubblewrap, "touch", f"{place}/new").returncode == 1


def test_it_has_no_network(wall: Wall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = ("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{server.getsockname()[1]} && echo connected")
        assert behind(wall, *connect).stdout == ""
        assert run([str(shutil.which("bash")), *connect[1:]], stdout=PIPE, check=True).stdout == b"connected\n"  # noqa: S603


@needs_bwrap
def test_behind_bubblewrap_no_process_is_made(bubblewrap: Wall) -> None:
    said = behind(bubblewrap, "bash", "-c", "(echo a child)")
    assert (said.stdout, said.returncode) == ("", 254)
    assert "fork" in said.stderr


def test_a_program_that_is_not_there_does_not_run(wall: Wall) -> None:
    with pytest.raises(WallDown, match="/nowhere/program"):
        wall.command(["/nowhere/program"], limits=LIMITS)
