"""``graftwork webhooks``."""

import click
from pydantic import ValidationError

from graftwork.cli.asking import ask
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork.contracts.rest_admin import WebhookView

TIME = "%Y-%m-%d %H:%M"
EVENTS = [event.value for event in WebhookEvent]


@click.group()
def webhooks() -> None:
    """Let URLs be told of finished jobs and open reviews."""


@webhooks.command()
@click.argument("target", metavar="URL")
@click.option("--event", "events", multiple=True, type=click.Choice(EVENTS), help="May be repeated; default: all.")
@server_options
@json_option
def add(target: str, events: tuple[str, ...], url: str | None, key: str | None, *, as_json: bool) -> None:
    """Tell URL of events, and print the secret that the calls are signed with. It is shown only now."""
    wanted = _request(target, events)

    async def question(client: AsyncGraftwork) -> WebhookCreated:
        return await client.add_webhook(wanted)

    made = ask(url, key, question)
    if as_json:
        click.echo(made.model_dump_json())
    else:
        print_fields([("webhook", made.id), ("secret", made.secret)])


@webhooks.command("list")
@server_options
@json_option
def list_webhooks(url: str | None, key: str | None, *, as_json: bool) -> None:
    """List webhooks, newest first, and how their last calls ended."""

    async def question(client: AsyncGraftwork) -> WebhookList:
        return await client.webhooks()

    page = ask(url, key, question)
    if as_json:
        click.echo(page.model_dump_json())
    else:
        print_table(("WEBHOOK", "URL", "EVENTS", "LAST CALL"), map(_row, page.items))


@webhooks.command()
@click.argument("webhook_id", metavar="WEBHOOK")
@server_options
def remove(webhook_id: str, url: str | None, key: str | None) -> None:
    """Tell WEBHOOK nothing more."""

    async def question(client: AsyncGraftwork) -> None:
        await client.remove_webhook(webhook_id)

    ask(url, key, question)
    click.echo(f"Webhook {webhook_id} is removed")


def _request(target: str, events: tuple[str, ...]) -> WebhookRequest:
    written = {"url": target, **({"events": events} if events else {})}
    try:
        return WebhookRequest.model_validate(written)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"], param_hint="URL") from error


def _row(webhook: WebhookView) -> tuple[str, ...]:
    ended = "none yet"
    if webhook.last_called_at is not None:
        ended = f"{webhook.last_called_at:{TIME}} {webhook.last_error or webhook.last_status or ''}"
    return webhook.id, webhook.url, ",".join(webhook.events), ended
