"""``graftwork jobs``."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from graftwork.cli.asking import ask
from graftwork.cli.asking import job_argument
from graftwork.cli.asking import named_or_newest
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.continuing import delete
from graftwork.cli.continuing import extend
from graftwork.cli.continuing import retry
from graftwork.cli.errors import NotFinished
from graftwork.cli.job_file import load_job
from graftwork.cli.tables import print_fields
from graftwork.cli.tables import print_table
from graftwork.cli.words import money
from graftwork.cli.words import review_commands
from graftwork.cli.words import reward
from graftwork.cli.words import short_number
from graftwork.cli.words import spent
from graftwork.client import AsyncGraftwork
from graftwork.client import Invalid
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView

TIME = "%Y-%m-%d %H:%M"


@click.group()
def jobs() -> None:
    """Submit, list, show, watch, cancel, extend, retry and delete jobs.

    Where a command takes [JOB], the newest one is meant without.
    """


@jobs.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--idempotency-key", help="The same key and file make one job, however often they are sent.")
@server_options
@json_option
def submit(file: Path, idempotency_key: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Submit the job FILE as it is, and print the job's id."""
    job_file = load_job(file)

    async def question(client: AsyncGraftwork) -> JobView:
        try:
            return await client.submit(job_file.spec, idempotency_key=idempotency_key)
        except Invalid as error:
            raise job_file.mistakes_of(error.problem) from error

    job = ask(url, key, question)
    click.echo(job.model_dump_json() if as_json else job.id)


@jobs.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--cursor", help="`next_cursor` of the page before.")
@server_options
@json_option
def list_jobs(limit: int, cursor: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """List jobs, newest first."""

    async def question(client: AsyncGraftwork) -> JobList:
        return await client.list(limit=limit, cursor=cursor)

    page = ask(url, key, question)
    if as_json:
        click.echo(page.model_dump_json())
        return
    print_table(("JOB", "NAME", "STATE", "PHASE", "BEST", "ROWS", "SUBMITTED"), map(_row, page.items))
    if page.next_cursor:
        click.echo(f"more: graftwork jobs list --cursor {page.next_cursor}", err=True)


@jobs.command()
@job_argument
@server_options
@json_option
def show(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Show a job as it is now."""

    async def question(client: AsyncGraftwork) -> JobView:
        return await client.get(await named_or_newest(client, job_id))

    job = ask(url, key, question)
    if as_json:
        click.echo(job.model_dump_json())
    else:
        print_fields(_fields(job))


@jobs.command()
@job_argument
@server_options
@json_option
def watch(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Watch a job until it has ended. Ctrl-C ends the watching, not the job."""
    from graftwork.cli import watching  # noqa: PLC0415 (the other commands of this group need no rich)
    from graftwork.cli.consoles import open_console  # noqa: PLC0415
    from graftwork.cli.on_the_spot import Reviewer  # noqa: PLC0415
    from graftwork.cli.steps import Steps  # noqa: PLC0415

    console = open_console()
    steps = Steps(as_json=as_json, echo=lambda line: console.out(line, highlight=False))

    async def question(client: AsyncGraftwork) -> JobView:
        job = await client.get(await named_or_newest(client, job_id))
        reviewer = Reviewer(client, console, steps)
        await watching.watch(client, job, console, steps, partial(reviewer.meet, job.id))
        return await client.get(job.id)

    job = ask(url, key, question)
    steps(f"Job {job.id} {job.state}")
    if job.state is not JobState.SUCCEEDED:
        raise NotFinished(f"job {job.id} {job.state}: {job.reason or 'no reason was given'}")


@jobs.command()
@job_argument
@server_options
@json_option
def cancel(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Ask a job to stop; what it accepted so far is published."""

    async def question(client: AsyncGraftwork) -> JobView:
        return await client.cancel(await named_or_newest(client, job_id))

    job = ask(url, key, question)
    click.echo(job.model_dump_json() if as_json else f"Job {job.id} is being cancelled")


for command in (extend, retry, delete):
    jobs.add_command(command)


def _row(job: JobView) -> tuple[str, ...]:
    told = job.snapshot
    rows = f"{told.production.accepted if told else 0}/{job.count}"
    best = reward(told.best_reward if told else None)
    return job.id, job.name, str(job.state), str(job.phase), best, rows, f"{job.created_at:{TIME}}"


def _fields(job: JobView) -> Iterator[tuple[str, str]]:
    yield "job", job.id
    yield "name", job.name
    yield "task", job.task
    yield "state", f"{job.state}, cancellation requested" if job.cancel_requested else str(job.state)
    if job.reason:
        yield "reason", job.reason
    yield "phase", str(job.phase)
    if (told := job.snapshot) is not None:
        counts = told.production
        yield "iteration", f"{told.iteration} of {told.iterations}"
        yield "best", f"{reward(told.best_reward)} {told.best_node_id or ''}"
        rejected, failed = sum(counts.rejected.values()), sum(counts.failed.values())
        yield "rows", f"{counts.accepted} of {job.count} accepted, {rejected} rejected, {failed} failed"
        yield "spent", spent(told.spent.total)
        for part, usage in (*told.spent.by_purpose.items(), *sorted(told.spent.by_pool.items())):
            yield f"  {part}", spent(usage)
        if (row := told.spent.per_row) is not None:
            yield "  per row", f"{row.calls:.1f} calls, {short_number(round(row.tokens))} tokens, {money(row.cost_usd)}"
        if told.review is not None:
            yield "review", f"round {told.review.round} of {told.review.rounds} waits: {review_commands(job.id)[0]}"
    if job.dataset_id:
        yield "dataset", job.dataset_id
    yield "submitted", f"{job.created_at:{TIME}} UTC"
