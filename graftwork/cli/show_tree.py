"""``graftwork tree``."""

from pathlib import Path

import click

from graftwork.cli.asking import ask
from graftwork.cli.asking import job_argument
from graftwork.cli.asking import named_or_newest
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.consoles import open_console
from graftwork.cli.drawing import draw_tree
from graftwork.cli.tree_files import write_pictures
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import TreeView

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@job_argument
@click.option("--svg", "svg_file", metavar="FILE", type=_FILE, help="Write a picture that names its nodes on hover.")
@click.option("--html", "html_file", metavar="FILE", type=_FILE, help="Write a page to look around in; no network.")
@server_options
@json_option
def tree(
    job_id: str | None,
    *,
    svg_file: Path | None,
    html_file: Path | None,
    url: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Draw the workflow tree of a job, by default the newest: rewards, states, modifications, the best marked.

    With --svg or --html into a file, with the facts of every node.
    """

    async def question(client: AsyncGraftwork) -> TreeView:
        return await client.tree(await named_or_newest(client, job_id))

    view = ask(url, key, question)
    write_pictures(view, svg_file=svg_file, html_file=html_file, aside=as_json)
    if as_json:
        click.echo(view.model_dump_json())
    elif svg_file is None and html_file is None:
        title = f"{view.job.name} ({view.job.id}): {view.job.state}"
        open_console().print(draw_tree(title, view.nodes, view.job.snapshot))
