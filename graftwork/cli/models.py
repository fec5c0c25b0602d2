"""``graftwork models``."""

from collections.abc import Iterator

import click

from graftwork.cli.asking import ask
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.errors import FAILED
from graftwork.cli.tables import print_table
from graftwork.cli.words import short_number
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import PoolModelView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView

HEADER = ("POOL", "ANSWERS", "MODEL", "CONTEXT", "USD/M IN", "USD/M OUT", "WRITES PYTHON")
UNKNOWN = "?"
NOTHING = "-"
NOT_TOLD = "Not told by the server: how fast a model is, and whether it keeps to a schema (`graftwork preview` tries)."


@click.group()
def models() -> None:
    """Look at the model pools."""


@models.command()
@server_options
@json_option
def check(url: str | None, key: str | None, *, as_json: bool) -> None:
    """Tell of every pool whether it answers, and of its models the context and the price.

    Exit status 1 where a pool does not answer.
    """

    async def question(client: AsyncGraftwork) -> PoolsView:
        return await client.pools()

    view = ask(url, key, question)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        _print(view)
    if not all(pool.available for pool in view.pools):
        raise SystemExit(FAILED)


def _print(view: PoolsView) -> None:
    print_table(HEADER, (row for pool in view.pools for row in pool_rows(pool)))
    for pool in view.pools:
        if pool.problem:
            click.echo(f"{pool.pool}: {pool.problem}", err=True)
    click.echo(f"* the pool's default; {UNKNOWN} unknown, so that costs are not told. {NOT_TOLD}", err=True)


def pool_rows(pool: PoolView) -> Iterator[tuple[str, ...]]:
    """Give one line per model of a pool; one line too where it has none, or does not answer."""
    answers = "yes" if pool.available else "no"
    if not pool.models:
        yield (pool.pool, answers, *[NOTHING] * (len(HEADER) - 2))
    for model in pool.models:
        name = f"{model.name}*" if model.name == pool.default_model else model.name
        writes = "yes" if pool.writes_code else f"no ({pool.profile})"
        yield pool.pool, answers, name, *_figures(model), writes


def _figures(model: PoolModelView) -> tuple[str, str, str]:
    context = UNKNOWN if model.context_tokens is None else short_number(model.context_tokens)
    return context, _price(model.prompt_usd_per_mtok), _price(model.completion_usd_per_mtok)


def _price(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{usd:.2f}"
