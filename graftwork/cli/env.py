"""``graftwork env``: what a shell has to know."""

import shlex
import time
from pathlib import Path

import click

from graftwork.cli.connection import require_server
from graftwork.cli.connection import server_options
from graftwork.local.state import OPERATOR
from graftwork.local.state import PlatformState
from graftwork.local.state import graftwork_home
from graftwork.local.state import read_environment

_WAIT_SECONDS = 900.0  # a first start fetches what it needs
_TOLD_EVERY_SECONDS = 30.0
_PAUSE_SECONDS = 0.2


@click.command()
@click.argument("service", required=False)
@click.option("--wait", is_flag=True, help="First wait until the `graftwork up` that is starting is ready.")
@server_options
def env(service: str | None, url: str | None, key: str | None, *, wait: bool) -> None:
    """Print shell assignments: `eval "$(graftwork env)"`.

    Alone: GRAFTWORK_URL and GRAFTWORK_API_KEY of the server. With a SERVICE: the settings that `graftwork up` gives
    it, to run it by hand beside `graftwork up --without SERVICE`. With `admin`: where Kafka, MongoDB and the payloads
    of `graftwork up` are, for the commands of `graftwork admin` that work on these.
    """
    if wait:
        _wait_for_up(graftwork_home())
    click.echo(_of_service(service) if service else _of_server(url, key), nl=False)


def _wait_for_up(home: Path) -> None:
    """Return once a platform runs on ``home``; also when nothing comes, which is told by what follows."""
    for pause in range(int(_WAIT_SECONDS / _PAUSE_SECONDS)):
        if PlatformState.read(home) is not None:
            return
        waited = pause * _PAUSE_SECONDS
        if pause and waited % _TOLD_EVERY_SECONDS < _PAUSE_SECONDS:
            click.echo(f"Waiting for a `graftwork up` on {home} ({waited:.0f} s so far)", err=True)
        time.sleep(_PAUSE_SECONDS)


def _of_server(url: str | None, key: str | None) -> str:
    server = require_server(url, key)
    known = {"GRAFTWORK_URL": server.url, "GRAFTWORK_API_KEY": server.api_key or ""}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())


def _of_service(service: str) -> str:
    found = read_environment(graftwork_home(), service)
    if found is None and service == OPERATOR:
        raise click.UsageError(f"no `graftwork up` runs on {graftwork_home()}")
    if found is None:
        raise click.UsageError(f"no `graftwork up --without {service}` runs on {graftwork_home()}")
    return found
