"""``graftwork env``: what a shell has to know."""

import shlex

import click

from graftwork.cli.connection import require_server
from graftwork.cli.connection import server_options
from graftwork.local.state import graftwork_home
from graftwork.local.state import read_environment


@click.command()
@click.argument("service", required=False)
@server_options
def env(service: str | None, url: str | None, key: str | None) -> None:
    """Print shell assignments: `eval "$(graftwork env)"`.

    Alone: GRAFTWORK_URL and GRAFTWORK_API_KEY of the server. With a SERVICE: the settings that `graftwork up` gives
    it, to run it by hand beside `graftwork up --without SERVICE`.
    """
    click.echo(_of_service(service) if service else _of_server(url, key), nl=False)


def _of_server(url: str | None, key: str | None) -> str:
    server = require_server(url, key)
    known = {"GRAFTWORK_URL": server.url, "GRAFTWORK_API_KEY": server.api_key or ""}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())


def _of_service(service: str) -> str:
    found = read_environment(graftwork_home(), service)
    if found is None:
        raise click.UsageError(f"no `graftwork up --without {service}` runs on {graftwork_home()}")
    return found
