"""What a running ``graftwork up`` leaves for clients on the same machine: where it listens and with which key.

Imports nothing heavy: every command of the command line reads it first.
"""

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Self

HOME_VARIABLE = "GRAFTWORK_HOME"
OPERATOR = "admin"
"""Has an environment as services have, for whoever runs ``graftwork admin``."""
_ONLY_THE_OWNER = 0o600


def graftwork_home() -> Path:
    """Return the data directory of this user's Graftwork: ``GRAFTWORK_HOME``, else the platform's place for it."""
    if given := os.environ.get(HOME_VARIABLE):
        return Path(given).expanduser().absolute()
    from platformdirs import user_data_path  # noqa: PLC0415 (as late as possible: see above)

    return user_data_path("graftwork")


@dataclass(frozen=True)
class PlatformState:
    """A running platform.

    Attributes:
        url: of its gateway.
        api_key: of its first tenant; kept out of ``repr``.
        pid: of the process that everything of it dies with.
    """

    url: str
    api_key: str = field(repr=False)
    pid: int

    def write(self, home: Path) -> None:
        """Publish it, readable by its owner alone."""
        _write_private(_state_path(home), json.dumps(asdict(self), indent=2))

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """Return the state of the platform that runs on ``home``; None where none does."""
        try:
            state = cls(**json.loads(_state_path(home).read_text()))
        except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError, TypeError):
            return None  # torn or of another version: as good as none
        return state if _is_alive(state.pid) else None

    @staticmethod
    def remove(home: Path) -> None:
        """Forget it: the platform is about to stop."""
        _state_path(home).unlink(missing_ok=True)


def first_key(home: Path) -> str:
    """Return the API key of the platform's first tenant, made when it is first asked for."""
    path = home / "key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        _write_private(path, f"gw_{secrets.token_urlsafe(24)}\n")
        return path.read_text().strip()


def write_environment(home: Path, service: str, environment: Mapping[str, str]) -> None:
    """Write down what a service is told, as shell assignments, for whoever runs it by hand."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items())]
    _write_private(_environment_path(home, service), "".join(lines))


def read_environment(home: Path, service: str) -> str | None:
    """Return what was written down last; None where nothing was."""
    try:
        return _environment_path(home, service).read_text()
    except FileNotFoundError:
        return None


def remove_environment(home: Path, service: str) -> None:
    """Forget what was written down."""
    _environment_path(home, service).unlink(missing_ok=True)


def _environment_path(home: Path, service: str) -> Path:
    return home / "services" / f"{service}.env"


def _state_path(home: Path) -> Path:
    return home / "state.json"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _ONLY_THE_OWNER)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    scratch.replace(path)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, and belongs to somebody else
    return True
