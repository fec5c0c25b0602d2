"""``graftwork jobs extend|retry|delete``: what can be done with a job that has ended."""

import click

from graftwork.cli.asking import ask
from graftwork.cli.asking import confirm
from graftwork.cli.asking import job_argument
from graftwork.cli.asking import named_or_newest
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.rest import JobView


@click.command()
@job_argument
@click.option("--rows", type=click.IntRange(1, MAX_COUNT), required=True, help="How many more.")
@server_options
@json_option
def extend(job_id: str | None, rows: int, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Let the winning workflow of an ended job make more accepted rows, without a new search."""

    async def question(client: AsyncGraftwork) -> JobView:
        return await client.extend(await named_or_newest(client, job_id), rows)

    job = ask(url, key, question)
    said = f"Job {job.id} makes {rows} rows more: `graftwork jobs watch {job.id}` shows it"
    click.echo(job.model_dump_json() if as_json else said)


@click.command()
@job_argument
@server_options
@json_option
def retry(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Let a failed or cancelled job go on where it stopped."""

    async def question(client: AsyncGraftwork) -> JobView:
        return await client.retry(await named_or_newest(client, job_id))

    job = ask(url, key, question)
    said = f"Job {job.id} goes on where it stopped: `graftwork jobs watch {job.id}` shows it"
    click.echo(job.model_dump_json() if as_json else said)


@click.command()
@click.argument("job_id", metavar="JOB")
@yes_option
@server_options
def delete(job_id: str, url: str | None, key: str | None, *, yes: bool) -> None:
    """Delete the ended JOB with its tree, its samples and its datasets. There is no way back."""
    confirm(f"Delete job {job_id} with its tree, its samples and its datasets?", yes=yes)

    async def question(client: AsyncGraftwork) -> None:
        await client.delete_job(job_id)

    ask(url, key, question)
    click.echo(f"Job {job_id} is deleted")
