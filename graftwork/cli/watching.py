"""Watching a job: as a live picture on a terminal, as lines elsewhere, as JSON lines for programs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextlib import aclosing
from contextlib import nullcontext
from datetime import UTC
from datetime import datetime

from rich.console import Console
from rich.console import Group
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from graftwork.cli.drawing import draw_tree
from graftwork.cli.progress import JobProgress
from graftwork.cli.steps import Steps
from graftwork.cli.words import duration
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView

REFRESHES_PER_SECOND = 2
Show = Callable[[JobEvent], None]


def _now() -> datetime:
    return datetime.now(UTC)


async def watch(client: AsyncGraftwork, job: JobView, console: Console, steps: Steps) -> JobProgress:
    """Show a job until it has ended; return what became of it."""
    progress = JobProgress(job)
    with _screen(progress, console, steps):
        async with aclosing(client.watch(job.id)) as events:
            async for event in events:
                progress.take(event)
                if steps.as_json:
                    steps.record("event", event=event.model_dump(mode="json"))
                elif not console.is_terminal:
                    steps(progress.line(event))
    return progress


def _screen(progress: JobProgress, console: Console, steps: Steps) -> AbstractContextManager[object]:
    if steps.as_json or not console.is_terminal:
        return nullcontext()
    return Live(
        get_renderable=lambda: picture(progress, _now()),
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
    )


def picture(progress: JobProgress, now: datetime) -> RenderableType:
    """Draw a job as it is."""
    figures = {**progress.figures, "elapsed": duration((now - progress.created_at).total_seconds())}
    head = Text.assemble(
        (progress.name, "bold"), *(part for name, value in figures.items() for part in _figure(name, value))
    )
    said = Text("\n".join(progress.messages), style="dim")
    return Group(head, said, draw_tree("tree", list(progress.nodes.values()), progress.snapshot))


def _figure(name: str, value: str) -> tuple[Text, ...]:
    return Text(f"  {name} ", style="dim"), Text(value)
