"""``graftwork init``."""

import sys
from pathlib import Path
from typing import Any
from typing import TypeVar

import click
from pydantic import ValidationError

from graftwork.cli.job_template import Answers
from graftwork.cli.job_template import job_text
from graftwork.cli.placing import force_option
from graftwork.cli.placing import may_write
from graftwork.cli.placing import placing
from graftwork.contracts.jobs import MAX_COUNT
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.records import Layout

T = TypeVar("T")


def _task(text: str) -> str:
    """Return a task that a job can have. Raises ``BadParameter``."""
    try:
        return JobSpec(task=text.strip(), count=1).task
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"]) from error


_COUNT = click.IntRange(1, MAX_COUNT)
_LAYOUT = click.Choice([layout.value for layout in Layout])
_REVIEW = click.Choice([mode.value for mode in ReviewMode])


@click.command()
@click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path, dir_okay=False), default=Path("job.yaml"))
@click.option(
    "--task", metavar="TEXT", type=_task, help="What the records are about, for whom, and what makes a good one."
)
@click.option("--count", type=_COUNT, help="Rows that are wanted.")
@click.option("--layout", type=_LAYOUT, help="Columns of the rows.")
@click.option("--review", type=_REVIEW, help="Whether you look at the first workflow before the search begins.")
@force_option
def init(
    file: Path, *, task: str | None, count: int | None, layout: str | None, review: str | None, force: bool
) -> None:
    """Write a job FILE (default: job.yaml) with every option explained.

    At a terminal it asks for what no option told.
    """
    may_write(file, force=force)
    usual = Answers()
    answers = Answers(
        task=_answer(task, "Task: what the records are about, for whom", usual.task, _task),
        count=_answer(count, "Rows", usual.count, _COUNT),
        layout=Layout(_answer(layout, "Layout", usual.layout.value, _LAYOUT)),
        review=ReviewMode(_answer(review, "Review", usual.review.value, _REVIEW)),
    )
    with placing(file) as partial:
        partial.write_text(job_text(file, answers), encoding="utf-8")
    click.echo(f"{file} is written. Next:\n  graftwork validate {file}\n  graftwork run {file}")


def _answer(told: T | None, question: str, usual: T, kind: Any) -> T:
    """What an option told, else what a person says, else what is usual."""
    if told is not None or not sys.stdin.isatty():
        return usual if told is None else told
    answer: T = click.prompt(question, default=usual, type=kind, err=True)
    return answer
