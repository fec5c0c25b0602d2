"""A job as it is, for a terminal: what counts, how far it is, what was said last, and the tree."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from graftwork.cli.drawing import draw_tree
from graftwork.cli.progress import JobProgress
from graftwork.cli.words import duration
from graftwork.cli.words import on_one_line
from graftwork.cli.words import review_commands

BAR_WIDTH = 32


def picture(progress: JobProgress, now: datetime) -> RenderableType:
    """Draw a job as it is."""
    return Group(*_parts(progress, now))


def _parts(progress: JobProgress, now: datetime) -> Iterator[RenderableType]:
    figures = {**progress.figures, "elapsed": duration((now - progress.created_at).total_seconds())}
    yield Text.assemble(
        (on_one_line(progress.name), "bold"),
        *(part for name, value in figures.items() for part in _figure(name, value)),
    )
    if progress.stages:
        yield _bars(progress, now)
    if progress.waits_for_review:
        yield Text(f"waits for your review: {review_commands(progress.job_id)[0]}", style="bold yellow")
    yield Text("\n".join(map(on_one_line, progress.messages)), style="dim")
    yield draw_tree("tree", list(progress.nodes.values()), progress.snapshot)


def _figure(name: str, value: str) -> tuple[Text, ...]:
    return Text(f"  {name} ", style="dim"), Text(value)


def _bars(progress: JobProgress, now: datetime) -> Table:
    bars = Table.grid(padding=(0, 1))
    for stage in progress.stages:
        bar = ProgressBar(total=max(stage.total, 1), completed=min(stage.done, stage.total), width=BAR_WIDTH)
        left = _left(progress, now) if stage == progress.stage else ""
        bars.add_row(Text(stage.name, style="dim"), bar, f"{stage.done}/{stage.total}", Text(left, style="dim"))
    return bars


def _left(progress: JobProgress, now: datetime) -> str:
    seconds = progress.seconds_left(now)
    if seconds is None:
        return ""
    most = "at most " if progress.stage and progress.stage.name == "search" else ""  # it may converge before
    return f"{most}{duration(seconds)} left"
