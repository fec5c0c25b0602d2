"""``graftwork preview``."""

from pathlib import Path

import click

from graftwork.cli.asking import ask
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.consoles import open_console
from graftwork.cli.errors import NotFinished
from graftwork.cli.fitting import fitted
from graftwork.cli.job_file import load_job
from graftwork.cli.reading import show_prompts
from graftwork.cli.reading import show_sample
from graftwork.cli.words import spent
from graftwork.client import AsyncGraftwork
from graftwork.client import Invalid
from graftwork.contracts.rest_plans import PreviewView

MOST_ROWS = 20


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rows", type=click.IntRange(1, MOST_ROWS), default=10, show_default=True)
@server_options
@json_option
def preview(file: Path, rows: int, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Show some rows of the job FILE's first workflow, without a search. Nothing is kept.

    Exit status 1 where no row became a good one.
    """
    job_file = load_job(file)

    async def question(client: AsyncGraftwork) -> PreviewView:
        try:
            return await client.preview(await fitted(client, job_file), rows=rows)
        except Invalid as error:
            raise job_file.mistakes_of(error.problem) from error

    view = ask(url, key, question)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        _print(view)
    if not any(row.ok for row in view.samples):
        raise NotFinished(f"no good row: {view.problem or 'no reason was given'}")


def _print(view: PreviewView) -> None:
    console = open_console()
    if view.workflow is not None:
        show_prompts(view.workflow, "", console)
    for number, row in enumerate(view.samples, start=1):
        show_sample(f"Row {number}", row, console)
    good = sum(row.ok for row in view.samples)
    click.echo(f"{good} of {len(view.samples)} rows are good; spent {spent(view.spent.total)}; nothing was kept")
