"""Watching a job: as a live picture on a terminal, as lines elsewhere, as JSON lines for programs."""

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import aclosing
from contextlib import contextmanager
from datetime import UTC
from datetime import datetime

from rich.console import Console
from rich.live import Live

from graftwork.cli.picture import picture
from graftwork.cli.progress import JobProgress
from graftwork.cli.steps import Steps
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView
from graftwork.contracts.snapshots import OpenReview

REFRESHES_PER_SECOND = 2
OnReview = Callable[[OpenReview], Awaitable[None]]
"""What is done about a review that the job waits for. It has the terminal for itself meanwhile."""


async def watch(
    client: AsyncGraftwork, job: JobView, console: Console, steps: Steps, on_review: OnReview
) -> JobProgress:
    """Show a job until it has ended; return what became of it."""
    progress = JobProgress(job)
    met: set[str] = set()
    with _screen(progress, console, steps) as live:
        async with aclosing(client.watch(job.id)) as events:
            async for event in events:
                progress.take(event)
                _tell(event, progress, console, steps)
                review = event.snapshot.review
                if review is not None and review.review_id not in met:
                    met.add(review.review_id)
                    with _aside(live):
                        await on_review(review)
    return progress


def _tell(event: JobEvent, progress: JobProgress, console: Console, steps: Steps) -> None:
    if steps.as_json:
        steps.record("event", event=event.model_dump(mode="json"))
    elif not console.is_terminal:
        steps(progress.line(event))


@contextmanager
def _screen(progress: JobProgress, console: Console, steps: Steps) -> Iterator[Live | None]:
    if steps.as_json or not console.is_terminal:
        yield None
        return
    with Live(
        get_renderable=lambda: picture(progress, datetime.now(UTC)),
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
    ) as live:
        yield live


@contextmanager
def _aside(live: Live | None) -> Iterator[None]:
    """Take the picture away, and put it back."""
    if live is None:
        yield
        return
    live.stop()
    try:
        yield
    finally:
        live.start()
