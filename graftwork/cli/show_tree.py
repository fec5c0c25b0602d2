"""``graftwork tree``."""

import click

from graftwork.cli.asking import ask
from graftwork.cli.asking import job_argument
from graftwork.cli.asking import named_or_newest
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.consoles import open_console
from graftwork.cli.drawing import draw_tree
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import TreeView


@click.command()
@job_argument
@server_options
@json_option
def tree(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Draw the workflow tree of a job, by default the newest: rewards, states, modifications, the best marked."""

    async def question(client: AsyncGraftwork) -> TreeView:
        return await client.tree(await named_or_newest(client, job_id))

    view = ask(url, key, question)
    if as_json:
        click.echo(view.model_dump_json())
    else:
        title = f"{view.job.name} ({view.job.id}): {view.job.state}"
        open_console().print(draw_tree(title, view.nodes, view.job.snapshot))
