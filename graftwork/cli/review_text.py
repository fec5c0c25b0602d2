"""A review as a person reads it."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from graftwork.cli.reading import show_prompts
from graftwork.cli.reading import show_sample
from graftwork.cli.reading import titled
from graftwork.cli.words import printable
from graftwork.cli.words import review_commands
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView

TIME = "%Y-%m-%d %H:%M"


def show_review(review: ReviewView, console: Console) -> None:
    """Print what a person is asked about: the task, the workflow, its samples, and how to answer."""
    title = f"Review of {review.job_name} ({review.job_id}), round {review.round} of {review.rounds}: {review.state}"
    console.print(Text(printable(title), style="bold"), end="\n\n")
    titled("Task", review.task, console)
    if review.workflow is not None:
        show_prompts(review.workflow, "", console)
        titled("Code", review.workflow.code, console)
    for number, row in enumerate(review.samples, start=1):
        seed = ", ".join(f"{name}: {value}" for name, value in row.seed.items())
        show_sample(f"Sample {number} of {len(review.samples)}" + (f" ({seed})" if seed else ""), row, console)
    if review.feedback:
        titled("Feedback", review.feedback, console)


def closing_lines(review: ReviewView) -> Iterator[str]:
    """Say what became of a review, or how to answer it."""
    if review.state is ReviewState.OPEN:
        until = "for ever" if review.expires_at is None else f"until {review.expires_at:{TIME}} UTC"
        yield f"The job waits {until}, and costs nothing meanwhile. To answer:"
        yield from (f"  {command}" for command in review_commands(review.job_id)[1:])
    elif review.answered_at is not None:
        yield f"Answered {review.answered_at:{TIME}} UTC: {review.state}"
    else:
        yield f"Nobody answered: {review.state}"


def review_row(review: ReviewView) -> tuple[str, ...]:
    """One line of the list of reviews."""
    return (
        review.job_id, printable(review.job_name), f"{review.round}/{review.rounds}", str(review.state),
        str(review.samples_ok), f"{review.opened_at:{TIME}}",
    )  # fmt: skip
