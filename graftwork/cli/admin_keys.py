"""``graftwork admin keys`` and ``graftwork admin tenants``."""

from typing import Any
from typing import TypeVar

import click
from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.cli.asking import ask
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import KeyView
from graftwork.contracts.rest_admin import TenantLimits

M = TypeVar("M", bound=BaseModel)

TIME = "%Y-%m-%d %H:%M"
UNLIMITED = "none"
LIMITS = ("requests_per_minute", "open_jobs", "rows_per_job", "retention_days")


@click.group()
def keys() -> None:
    """Manage API keys; needs an admin key."""


@keys.command()
@click.option("--tenant", required=True, help="Whose jobs and datasets it opens.")
@click.option("--name", default="", help="Whose it is, for the list.")
@click.option("--admin", "is_admin", is_flag=True, help="It may also manage keys and tenants, of every tenant.")
@server_options
@json_option
def create(tenant: str, name: str, url: str | None, key: str | None, *, is_admin: bool, as_json: bool) -> None:
    """Make an API key and print it. It is shown only now."""
    wanted = _checked(KeyRequest, {"tenant": tenant, "name": name, "admin": is_admin})

    async def question(client: AsyncGraftwork) -> KeyCreated:
        return await client.create_key(wanted)

    made = ask(url, key, question)
    click.echo(made.model_dump_json() if as_json else made.key)


@keys.command("list")
@server_options
@json_option
def list_keys(url: str | None, key: str | None, *, as_json: bool) -> None:
    """List API keys, newest first."""

    async def question(client: AsyncGraftwork) -> KeyList:
        return await client.keys()

    page = ask(url, key, question)
    if as_json:
        click.echo(page.model_dump_json())
    else:
        print_table(("ID", "KEY", "TENANT", "NAME", "ADMIN", "CREATED", "REVOKED"), map(_row, page.items))


@keys.command()
@click.argument("key_id", metavar="ID")
@yes_option
@server_options
def revoke(key_id: str, url: str | None, key: str | None, *, yes: bool) -> None:
    """Make the API key ID worthless, at once."""
    confirm(f"Revoke key {key_id}?", yes=yes)

    async def question(client: AsyncGraftwork) -> None:
        await client.revoke_key(key_id)

    ask(url, key, question)
    click.echo(f"Key {key_id} is revoked")


@click.group()
def tenants() -> None:
    """Show and set the limits of tenants; needs an admin key."""


@tenants.command()
@click.argument("tenant")
@server_options
@json_option
def show(tenant: str, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Show the limits of TENANT."""

    async def question(client: AsyncGraftwork) -> TenantLimits:
        return await client.tenant(tenant)

    _print(ask(url, key, question), as_json=as_json)


@tenants.command("set")
@click.argument("tenant")
@click.option("--requests-per-minute", metavar="N", help="A number, or `none`; the same for the others.")
@click.option("--open-jobs", metavar="N", help="Jobs that have not ended, at once.")
@click.option("--rows-per-job", metavar="N")
@click.option("--retention-days", metavar="N", help="Ended jobs and datasets live so long.")
@server_options
@json_option
def set_limits(tenant: str, url: str | None, key: str | None, *, as_json: bool, **limits: str | None) -> None:
    """Change limits of TENANT; those that are not named stay as they are."""
    named = {name: None if value == UNLIMITED else value for name, value in limits.items() if value is not None}
    if not named:
        raise click.UsageError(f"name a limit: {', '.join('--' + name.replace('_', '-') for name in LIMITS)}")
    _checked(TenantLimits, named)

    async def question(client: AsyncGraftwork) -> TenantLimits:
        before = await client.tenant(tenant)
        return await client.set_tenant(tenant, _checked(TenantLimits, {**before.model_dump(), **named}))

    _print(ask(url, key, question), as_json=as_json)


def _checked(kind: type[M], written: dict[str, Any]) -> M:
    try:
        return kind.model_validate(written)
    except ValidationError as error:
        mistake = error.errors()[0]
        raise click.BadParameter(mistake["msg"], param_hint=f"--{mistake['loc'][0]}".replace("_", "-")) from error


def _print(limits: TenantLimits, *, as_json: bool) -> None:
    if as_json:
        click.echo(limits.model_dump_json())
        return
    said = ((name, getattr(limits, name)) for name in LIMITS)
    print_fields((name.replace("_", " "), UNLIMITED if value is None else f"{value:g}") for name, value in said)


def _row(key: KeyView) -> tuple[str, ...]:
    revoked = "" if key.revoked_at is None else f"{key.revoked_at:{TIME}}"
    admin = "yes" if key.admin else "no"
    return key.id, f"{key.hint}...", key.tenant, key.name, admin, f"{key.created_at:{TIME}}", revoked
