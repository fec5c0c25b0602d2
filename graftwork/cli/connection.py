"""Which server a command talks to: the options, the environment, else a running ``graftwork up``."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import TypeVar

import click

from graftwork.cli.errors import NoServer
from graftwork.local.state import PlatformState
from graftwork.local.state import graftwork_home

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Server:
    """Where a server is, and with which key it is asked. ``local``: it is the platform of this machine."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    local: bool = False


def find_server(url: str | None, key: str | None) -> Server | None:
    """Return the server that was named, else the one that runs on this machine, else None."""
    running = PlatformState.read(graftwork_home())
    if url is None:
        return None if running is None else Server(running.url, key or running.api_key, local=True)
    if running is not None and running.url == url.rstrip("/"):
        return Server(url, key or running.api_key, local=True)
    return Server(url, key)


def require_server(url: str | None, key: str | None) -> Server:
    """Return the server to talk to.

    Raises:
        NoServer: none was named, and none runs on this machine.
    """
    server = find_server(url, key)
    if server is None:
        raise NoServer
    return server


def server_options(command: F) -> F:
    """Add ``--url`` and ``--key``."""
    key = click.option("--key", envvar="GRAFTWORK_API_KEY", help="API key (GRAFTWORK_API_KEY).")
    url = click.option(
        "--url", envvar="GRAFTWORK_URL", help="Server (GRAFTWORK_URL; default: the one of `graftwork up`)."
    )
    return url(key(command))


def json_option(command: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")(command)
