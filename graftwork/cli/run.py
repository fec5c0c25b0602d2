"""``graftwork run`` and ``graftwork demo``: from a job file to a dataset on disk."""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from graftwork.cli.adapting import adapt_to_pools
from graftwork.cli.connection import Server
from graftwork.cli.connection import find_server
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.consoles import open_console
from graftwork.cli.errors import CliError
from graftwork.cli.errors import NotFinished
from graftwork.cli.hosting import with_server
from graftwork.cli.job_file import JobFile
from graftwork.cli.job_file import load_job
from graftwork.cli.keyboard import typed_line
from graftwork.cli.on_the_spot import ReadLine
from graftwork.cli.on_the_spot import Reviewer
from graftwork.cli.results import show_search
from graftwork.cli.running import run_async
from graftwork.cli.runs import Runs
from graftwork.cli.steps import Steps
from graftwork.cli.watching import watch
from graftwork.cli.words import reward
from graftwork.cli.words import spent
from graftwork.client import AsyncGraftwork
from graftwork.client import Invalid
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import JobView
from graftwork.local.state import graftwork_home

EXAMPLE = Path(__file__).parents[2] / "examples" / "fractions.yaml"
DATASETS = Path("datasets")


@dataclass(frozen=True)
class Wishes:
    """How to run a job.

    ``show``: print tree, prompts and samples at the end. ``output``: where datasets go. ``read_line``: how the person
    at the terminal answers reviews; None: nobody is there.
    """

    show: bool
    output: Path
    as_json: bool = False
    read_line: ReadLine | None = None


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--show", is_flag=True, help="At the end, print the tree, the winner's prompts and three samples.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=DATASETS, show_default=True,
              help="Directory in which the dataset gets a directory of its own.")  # fmt: skip
@server_options
@json_option
def run(file: Path, output: Path, url: str | None, key: str | None, *, show: bool, as_json: bool) -> None:
    """Submit the job FILE, watch it, download its dataset.

    Without a server (--url, GRAFTWORK_URL, or a running `graftwork up`), one is started for the time of the job.
    A job that was interrupted goes on where it was.
    """
    interactive = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    read_line = typed_line if interactive else None
    wishes = Wishes(show=show, output=output, as_json=as_json, read_line=read_line)
    _run(load_job(file), find_server(url, key), wishes)


@click.command()
@server_options
def demo(url: str | None, key: str | None) -> None:
    """Run the example from an empty machine to a published dataset."""
    if not EXAMPLE.exists():
        raise CliError("the demo needs a checkout of Graftwork: run `make demo` there")
    _run(load_job(EXAMPLE), find_server(url, key), Wishes(show=True, output=DATASETS))


def _run(job_file: JobFile, server: Server | None, wishes: Wishes) -> None:
    console = open_console()
    steps = Steps(as_json=wishes.as_json, echo=lambda line: console.out(line, highlight=False))

    async def work(found: Server) -> Path | None:
        async with AsyncGraftwork(found.url, found.api_key) as client:
            return await _Run(client, console, steps, wishes).follow(job_file)

    place = run_async(with_server(server, steps, work))
    if place is not None and not wishes.as_json:
        click.echo(str(place))  # the last line, also of a platform that was stopped


class _Run:
    def __init__(self, client: AsyncGraftwork, console: Console, steps: Steps, wishes: Wishes) -> None:
        self._client = client
        self._console = console
        self._steps = steps
        self._wishes = wishes

    async def follow(self, job_file: JobFile) -> Path | None:
        """Take a job from its file to its dataset; return where that lies.

        Raises:
            NotFinished: it ended without success.
        """
        adapted = adapt_to_pools(job_file.spec, await self._client.pools())
        if adapted.notice:
            self._steps(adapted.notice)
        job = await self._begin(job_file, adapted.spec)
        reviewer = Reviewer(self._client, self._console, self._steps, self._wishes.read_line)
        try:
            await watch(self._client, job, self._console, self._steps, partial(reviewer.meet, job.id))
        except asyncio.CancelledError:
            self._steps(f"Job {job.id} is not finished: the same command goes on with it")
            raise
        return await self._end(await self._client.get(job.id))

    async def _begin(self, job_file: JobFile, spec: JobSpec) -> JobView:
        runs = Runs(graftwork_home())
        if (job := await runs.unfinished(self._client, spec)) is not None:
            self._steps(f"Going on with job {job.id}, submitted {job.created_at:%Y-%m-%d %H:%M} UTC")
            return job
        try:
            job = await self._client.submit(spec)
        except Invalid as error:
            raise job_file.mistakes_of(error.problem) from error
        runs.remember(spec, job)
        self._steps(f"Submitted job {job.id}: {spec.count} rows, at most {spec.search.iterations} iterations")
        return job

    async def _end(self, job: JobView) -> Path | None:
        if self._wishes.show and not self._wishes.as_json:
            await show_search(self._client, job, self._console)
        if job.snapshot is not None:
            told = job.snapshot
            self._steps(f"Best reward {reward(told.best_reward)}; {spent(told.spent.total)}")
        place = await self._download(job)
        self._steps.record("result", job=job.model_dump(mode="json"), path=place and str(place))
        if job.state is not JobState.SUCCEEDED:
            raise NotFinished(f"job {job.id} {job.state}: {job.reason or 'no reason was given'}")
        return place

    async def _download(self, job: JobView) -> Path | None:
        if job.dataset_id is None:
            return None
        place = (self._wishes.output / job.dataset_id).absolute()
        dataset = await self._client.download(job.dataset_id, place)
        partial = "" if dataset.complete else " (partial: fewer than asked for)"
        self._steps(f"Dataset {dataset.id}: {dataset.rows} rows{partial} in {place}")
        return place
