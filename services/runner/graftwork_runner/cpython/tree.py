"""The Python that runs workflows: a read-only tree of its own, made once out of the one that runs us.

It holds the interpreter, the part of the standard library that computing needs, an operator's wheels and our worker;
none of the service's code and libraries. Its name tells its content, so a tree is never changed: another
release, interpreter or list of wheels makes another one beside it. Trees nobody uses can be deleted.
"""

import compileall
import hashlib
import os
import py_compile
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graftwork_runner import textkit
from graftwork_runner.cpython.wheels import files_of_wheel
from graftwork_runner.errors import SandboxDown
from graftwork_runner.sandbox import FROZEN_CLOCK
from graftwork_runner.walls.libraries import libraries_of

_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARY = f"lib/{_VERSION}"
_WORKER = "_graftwork"
_INSIDE = Path(__file__).parent / "inside"
_HELPERS = Path(textkit.__file__)
_LEFT_OUT = """
    __pycache__ site-packages dist-packages test tests idlelib lib2to3 tkinter turtledemo turtle.py ensurepip venv
    distutils pydoc_data pydoc.py unittest doctest.py pdb.py ctypes curses dbm sqlite3 multiprocessing xmlrpc wsgiref
    antigravity.py webbrowser.py smtpd.py telnetlib.py nntplib.py ftplib.py poplib.py imaplib.py smtplib.py
    socketserver.py pty.py tty.py msilib cgi.py cgitb.py crypt.py
"""
_EXTENSIONS_LEFT_OUT = """
    _ctypes _curses _dbm _gdbm _hashlib _lsprof _multiprocessing _posixshmem _sqlite3 _ssl _test _tkinter _uuid _xx
    _crypt nis ossaudiodev readline spwd syslog termios xx
"""
_ORIGIN = b"$ORIGIN/../lib"
_LONGEST_DIGEST = 16


@dataclass(frozen=True)
class Tree:
    """A tree that is there. ``loader``: what starts the interpreter, or None if it is one piece."""

    root: Path
    loader: Path | None

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.root / "bin" / _VERSION

    @property
    def argv(self) -> tuple[str, ...]:
        """Command of a worker.

        No option but an environment variable fixes the seed of hashes, and ``-I`` shuts the environment out. So an
        isolated interpreter becomes one that is isolated by other means: ``-P`` and ``-s`` are the rest of what
        ``-I`` is, and its environment is this one variable.
        """
        worker = [*self._start, "-P", "-s", "-S", "-B", "-m", _WORKER, str(FROZEN_CLOCK.timestamp())]
        become = f"import posix; posix.execve({worker[0]!r}, {worker!r}, {{'PYTHONHASHSEED': '0'}})"
        return self.running(become)

    def running(self, code: str) -> tuple[str, ...]:
        """Command of an isolated interpreter that runs ``code``, which is ours."""
        return (*self._start, "-I", "-S", "-B", "-c", code)

    @property
    def _start(self) -> tuple[str, ...]:
        """Without /proc the interpreter would not know where it is, and so where its library is."""
        python = str(self.python)
        if self.loader is None:
            return (python,)
        return (str(self.loader), "--library-path", str(self.root / "lib"), python)


def own_library() -> tuple[Path, ...]:
    """Directories of the standard library of the interpreter that runs us."""
    return tuple(map(Path, dict.fromkeys((sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")))))


def ensure_tree(home: Path, wheels: Sequence[Path] = (), library: Sequence[Path] | None = None) -> Tree:
    """Find the tree in ``home``, or make it there; several processes may try at once.

    ``library``: directories of the standard library, or None for our own. Takes a few seconds the first time. Raises
    ``SandboxDown`` if it cannot be made, or belongs to somebody else.
    """
    try:
        files = dict(_files(wheels, own_library() if library is None else library))
        root = home / f"{_VERSION}-{_digest(files)}"
        if not root.is_dir():
            home.mkdir(parents=True, exist_ok=True)
            _make(files, root)
        owner = root.stat().st_uid
    except OSError as error:
        raise SandboxDown(f"the interpreter for workflows cannot be laid out in {home}: {error}") from error
    if owner not in {0, os.geteuid()}:
        raise SandboxDown(f"{root} belongs to user {owner}, who could change it: give another GRAFTWORK_SANDBOX_HOME")
    return Tree(root, _loader_of(root / "bin" / _VERSION))


def _loader_of(program: Path) -> Path | None:
    return next((path for path in libraries_of([program]) if path.name.startswith("ld")), None)


def _files(wheels: Sequence[Path], library: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Path in the tree -> content."""
    yield f"bin/{_VERSION}", _relocated(_interpreter().read_bytes())
    if (shared := _shared_library()) is not None:
        yield f"lib/{shared.name}", shared.read_bytes()
    for root in library:
        yield from ((f"{_LIBRARY}/{path.relative_to(root)}", path.read_bytes()) for path in _modules(root))
    yield from ((f"{_LIBRARY}/{_WORKER}/{path.name}", path.read_bytes()) for path in sorted(_INSIDE.glob("*.py")))
    yield f"{_LIBRARY}/{_HELPERS.name}", _HELPERS.read_bytes()
    for wheel in wheels:
        yield from ((f"{_LIBRARY}/site-packages/{name}", content) for name, content in files_of_wheel(wheel))


def _interpreter() -> Path:
    return Path(sys.base_prefix, "bin", _VERSION).resolve()


def _shared_library() -> Path | None:
    if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
        return None
    found = Path(str(sysconfig.get_config_var("LIBDIR")), str(sysconfig.get_config_var("INSTSONAME")))
    return found if found.is_file() else None


def _relocated(program: bytes) -> bytes:
    """Let the program look for its library beside itself, not where the original has it: others may not read that."""
    fixed = os.fsencode(str(sysconfig.get_config_var("LIBDIR"))) + b"\0"
    return program.replace(fixed, _ORIGIN.ljust(len(fixed), b"\0")) if len(fixed) > len(_ORIGIN) else program


def _modules(root: Path) -> Iterator[Path]:
    left_out, extensions_left_out = frozenset(_LEFT_OUT.split()), tuple(_EXTENSIONS_LEFT_OUT.split())
    for entry in sorted(root.iterdir()):
        if entry.name in left_out or entry.name.startswith("config-"):
            continue
        if entry.name == "lib-dynload":
            yield from (path for path in sorted(entry.glob("*.so")) if not path.name.startswith(extensions_left_out))
        elif entry.is_dir():
            yield from (
                path for path in sorted(entry.rglob("*.py")) if not left_out.intersection(path.relative_to(root).parts)
            )
        elif entry.suffix == ".py":
            yield entry


def _digest(files: Mapping[str, bytes]) -> str:
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(f"{name}\n{len(content)}\n".encode())
        found.update(content)
    return found.hexdigest()[:_LONGEST_DIGEST]


def _make(files: Mapping[str, bytes], root: Path) -> None:
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=root.parent))
    try:
        for name, content in files.items():
            _write(making / name, content)
        (making / _LIBRARY / "lib-dynload").mkdir(exist_ok=True)  # its absence is complained of
        _compile(making, root)
        _let_others_read(making)
        making.rename(root)
    except OSError:
        if not root.is_dir():  # else another process was faster
            raise
    finally:
        _remove(making)


def _remove(making: Path) -> None:
    """Its directories may be read-only by now, and then nobody but root could empty them."""
    for directory, _, _ in os.walk(making):
        Path(directory).chmod(0o700)
    shutil.rmtree(making, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _compile(making: Path, root: Path) -> None:
    compileall.compile_dir(
        making / "lib",
        quiet=2,
        stripdir=str(making),
        prependdir=str(root),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _let_others_read(making: Path) -> None:
    for path in (making, *making.rglob("*")):
        path.chmod(0o555 if path.is_dir() or path.parent.name == "bin" else 0o444)
