"""The interpreter that workflows get."""

import os
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from subprocess import run

import pytest

from graftwork_runner.cpython.tree import Tree
from graftwork_runner.cpython.tree import ensure_tree
from graftwork_runner.errors import SandboxDown
from tests.support.walls import python_as_nobody
from tests.support.workflow_bench import trees

LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"


def a_wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@dataclass(frozen=True)
class Small:
    """Makes trees with a library of one module: compiling all of Python's own takes a while."""

    home: Path
    library: Path

    def tree(self, *wheels: Path) -> Tree:
        return ensure_tree(self.home, wheels, [self.library])


@pytest.fixture
def small(tmp_path: Path) -> Small:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "os.py").write_text("x = 1\n")
    return Small(tmp_path / "home", tmp_path / "library")


def test_it_is_made_once_and_named_by_what_is_in_it() -> None:
    found = ensure_tree(trees())
    assert ensure_tree(trees()) == found
    assert found.root.name.startswith(LIBRARY.removeprefix("lib/"))


def test_it_holds_the_standard_library_and_nothing_of_ours() -> None:
    library = ensure_tree(trees()).root / LIBRARY
    names = {path.name for path in library.iterdir()}
    assert {"os.py", "json", "asyncio", "lib-dynload", "textkit.py"} <= names
    assert names & {"site-packages", "test", "ensurepip", "ctypes", "graftwork", "graftwork_runner"} == set()
    extensions = {path.name.partition(".")[0] for path in (library / "lib-dynload").iterdir()}
    assert extensions & {"_ctypes", "_ssl", "_sqlite3", "_testcapi"} == set()


def test_everybody_may_read_it_and_nobody_may_write() -> None:
    root = ensure_tree(trees()).root
    modes = {path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert modes <= {0o555, 0o444}


def test_several_may_make_it_at_once(small: Small) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = {made.root for made in pool.map(lambda _n: small.tree(), range(4))}
    assert [*small.home.iterdir()] == [*found]


AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from graftwork_runner.cpython.tree import ensure_tree

home, library = map(Path, sys.argv[1:])
with ThreadPoolExecutor(8) as pool:
    [*pool.map(lambda _n: ensure_tree(home, (), [library]), range(8))]
"""


def test_whoever_was_slower_leaves_nothing_even_if_it_is_not_root() -> None:
    with tempfile.TemporaryDirectory() as shared:  # others may not pass through pytest's
        Path(shared).chmod(0o777)
        home, library = Path(shared, "home"), Path(shared, "library")
        library.mkdir()
        (library / "os.py").write_text("x = 1\n")
        made = run([*python_as_nobody(), "-c", AT_ONCE, home, library], stderr=PIPE, text=True, check=False)  # noqa: S603
        assert (made.returncode, made.stderr) == (0, "")
        [tree] = home.iterdir()
        assert tree.name.startswith(LIBRARY.removeprefix("lib/"))


def test_another_wheel_is_another_tree(small: Small, tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "words-1-py3-none-any.whl", {"words.py": "x = 1\n", "words-1.data/scripts/run": "no"})
    plain, more = small.tree(), small.tree(wheel)
    assert plain != more
    packages = more.root / LIBRARY / "site-packages"
    assert [path.name for path in packages.glob("*.py")] == ["words.py"]
    assert [*packages.rglob("run")] == []


@pytest.mark.parametrize(
    ("name", "files", "why"),
    [
        ("words-1-cp311-cp311-linux_x86_64.whl", {"words.py": ""}, "no wheel of pure Python"),
        ("words-1-py3-none-any.whl", {"../os.py": ""}, "would lie elsewhere"),
        ("words-1-py3-none-any.whl", {"/etc/words.py": ""}, "would lie elsewhere"),
    ],
)
def test_a_wheel_that_is_not_plain_is_refused(
    small: Small, tmp_path: Path, name: str, files: dict[str, str], why: str
) -> None:
    with pytest.raises(SandboxDown, match=why):
        small.tree(a_wheel(tmp_path / name, files))


def test_a_wheel_that_is_not_there_is_told(small: Small, tmp_path: Path) -> None:
    with pytest.raises(SandboxDown, match=r"nowhere-1-py3-none-any\.whl cannot be read"):
        small.tree(tmp_path / "nowhere-1-py3-none-any.whl")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_tree_of_somebody_else_is_not_trusted(small: Small) -> None:
    os.chown(small.tree().root, 12345, 12345)
    with pytest.raises(SandboxDown, match="belongs to user 12345"):
        small.tree()


def test_a_home_that_cannot_be_made_is_told(small: Small) -> None:
    small.home.write_text("a file")
    with pytest.raises(SandboxDown, match="cannot be laid out"):
        small.tree()
