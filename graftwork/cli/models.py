"""``graftwork models``."""

from collections.abc import Iterator
from collections.abc import Sequence

import click

from graftwork.cli.asking import ask
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.errors import FAILED
from graftwork.cli.tables import print_table
from graftwork.cli.words import printable
from graftwork.cli.words import short_number
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import PoolChecksView
from graftwork.contracts.rest import PoolCheckView
from graftwork.contracts.rest import PoolModelView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView
from graftwork.contracts.usage import Usage

HEADER = ("POOL", "ANSWERS", "MODEL", "CONTEXT", "USD/M IN", "USD/M OUT", "WRITES PYTHON", "SECONDS", "KEEPS SCHEMA")
UNKNOWN = "?"
NOTHING = "-"
YES_OR_NO = {True: "yes", False: "no", None: UNKNOWN}


@click.group()
def models() -> None:
    """Look at the model pools."""


@models.command()
@click.option("--no-calls", is_flag=True, help="Call no model: nothing is spent, and nothing tried.")
@server_options
@json_option
def check(url: str | None, key: str | None, *, no_calls: bool, as_json: bool) -> None:
    """Tell of every pool whether it answers, and of its models the context and the price.

    The default model of each pool is called two or three times, which costs some hundred tokens: how long a tiny call
    takes, and whether an answer keeps to a JSON schema. Exit status 1 where a pool does not answer, or a call fails.
    """

    async def question(client: AsyncGraftwork) -> PoolsView | PoolChecksView:
        return await (client.pools() if no_calls else client.check_pools())

    view = ask(url, key, question)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        _print(view.pools)
    if any(pool.problem or not pool.available for pool in view.pools):
        raise SystemExit(FAILED)


def _print(pools: Sequence[PoolView]) -> None:
    print_table(HEADER, (row for pool in pools for row in pool_rows(pool)))
    for pool in pools:
        if pool.problem:
            click.echo(f"{pool.pool}: {printable(pool.problem)}", err=True)
    click.echo(f"* the pool's default; {UNKNOWN} unknown{_spent(pools)}", err=True)


def _spent(pools: Sequence[PoolView]) -> str:
    used = Usage.total(pool.used for pool in pools if isinstance(pool, PoolCheckView))
    if not used.calls:
        return ""
    cost = "" if used.cost_usd is None else f", {used.cost_usd:.4f} USD"
    return f". Spent on this: {used.calls} calls, {used.tokens} tokens{cost}"


def pool_rows(pool: PoolView) -> Iterator[tuple[str, ...]]:
    """Give one line per model of a pool; one line too where it has none, or does not answer."""
    answers = YES_OR_NO[pool.available]
    if not pool.models:
        yield (pool.pool, answers, *[NOTHING] * (len(HEADER) - 2))
    for model in pool.models:
        default = model.name == pool.default_model
        writes = "yes" if pool.writes_code else f"no ({pool.profile})"
        name = f"{model.name}*" if default else model.name
        yield pool.pool, answers, name, *_figures(model), writes, *_tried(pool, default=default)


def _tried(pool: PoolView, *, default: bool) -> tuple[str, str]:
    if not default or not isinstance(pool, PoolCheckView):
        return NOTHING, NOTHING
    seconds = UNKNOWN if pool.latency_seconds is None else f"{pool.latency_seconds:.2f}"
    return seconds, YES_OR_NO[pool.keeps_schema]


def _figures(model: PoolModelView) -> tuple[str, str, str]:
    context = UNKNOWN if model.context_tokens is None else short_number(model.context_tokens)
    return context, _price(model.prompt_usd_per_mtok), _price(model.completion_usd_per_mtok)


def _price(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{usd:.2f}"
