"""``graftwork reviews``."""

import sys

import click

from graftwork.cli.asking import ask
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.consoles import open_console
from graftwork.cli.review_choice import find_review
from graftwork.cli.review_text import closing_lines
from graftwork.cli.review_text import review_row
from graftwork.cli.review_text import show_review
from graftwork.cli.tables import print_table
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest_reviews import MAX_FEEDBACK_CHARS
from graftwork.contracts.rest_reviews import ReviewList
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView

HEADER = ("JOB", "NAME", "ROUND", "STATE", "SAMPLES", "OPENED")
NOTHING_SAID = "say what to change: with --feedback, in the editor, or on standard input"
EDITED = "\n# Say shortly what to change about the workflow of {name}. Lines that begin with # do not count."

job_argument = click.argument("job_id", metavar="[JOB]", required=False)
review_option = click.option("--review", "review_id", help="An earlier review of the job, by its id.")


@click.group()
def reviews() -> None:
    """Look at the first workflow of jobs with `review: human`, and say whether it is good enough.

    Without [JOB], the one job that waits for a review is meant.
    """


@reviews.command("list")
@click.option("--state", type=click.Choice([state.value for state in ReviewState]), help="Only these; default: all.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--cursor", help="`next_cursor` of the page before.")
@server_options
@json_option
def list_reviews(
    state: str | None, limit: int, cursor: str | None, url: str | None, key: str | None, *, as_json: bool
) -> None:
    """List reviews, newest first."""
    wanted = None if state is None else ReviewState(state)

    async def question(client: AsyncGraftwork) -> ReviewList:
        return await client.reviews(state=wanted, limit=limit, cursor=cursor)

    page = ask(url, key, question)
    if as_json:
        click.echo(page.model_dump_json())
        return
    print_table(HEADER, map(review_row, page.items))
    if page.next_cursor:
        click.echo(f"more: graftwork reviews list --cursor {page.next_cursor}", err=True)


@reviews.command()
@job_argument
@review_option
@server_options
@json_option
def show(job_id: str | None, review_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Show what a review asks about: workflow and samples. The open one of JOB, or its last."""

    async def question(client: AsyncGraftwork) -> ReviewView:
        return await find_review(client, job_id, review_id)

    review = ask(url, key, question)
    if as_json:
        click.echo(review.model_dump_json())
        return
    show_review(review, open_console())
    for line in closing_lines(review):
        click.echo(line)


@reviews.command()
@job_argument
@server_options
@json_option
def approve(job_id: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Say that the workflow is good enough: the search begins."""

    async def question(client: AsyncGraftwork) -> ReviewView:
        asked = await find_review(client, job_id)
        return await client.approve(asked.job_id, asked.id)

    review = ask(url, key, question)
    click.echo(review.model_dump_json() if as_json else f"Approved: job {review.job_id} goes on with the search")


@reviews.command()
@job_argument
@click.option("--feedback", help="What to change, shortly. Without it: $EDITOR on a terminal, else standard input.")
@server_options
@json_option
def revise(job_id: str | None, feedback: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Say what to change about the workflow."""

    async def question(client: AsyncGraftwork) -> ReviewView:
        asked = await find_review(client, job_id)
        return await client.revise(asked.job_id, asked.id, _said(feedback, asked))

    review = ask(url, key, question)
    again = "and shows the result" if review.round < review.rounds else "and goes on: this was the last round"
    said = f"Sent: job {review.job_id} revises its workflow, {again}"
    click.echo(review.model_dump_json() if as_json else said)


def _said(feedback: str | None, review: ReviewView) -> str:
    if feedback is None:
        feedback = _edited(review) if sys.stdin.isatty() else sys.stdin.read()
    if not feedback.strip():
        raise click.UsageError(NOTHING_SAID)
    if len(feedback.strip()) > MAX_FEEDBACK_CHARS:
        raise click.UsageError(f"say it in at most {MAX_FEEDBACK_CHARS} characters")
    return feedback.strip()


def _edited(review: ReviewView) -> str:
    text = click.edit(EDITED.format(name=review.job_name)) or ""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
