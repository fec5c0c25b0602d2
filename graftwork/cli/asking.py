"""What the commands that ask a server share."""

import sys
from collections.abc import Awaitable
from collections.abc import Callable
from typing import TypeVar

import click

from graftwork.cli.connection import Server
from graftwork.cli.connection import require_server
from graftwork.cli.errors import CliError
from graftwork.cli.running import run_async
from graftwork.client import AsyncGraftwork

T = TypeVar("T")
RETRY_SECONDS = (0.2, 0.5, 1.0)


def ask(url: str | None, key: str | None, question: Callable[[AsyncGraftwork], Awaitable[T]]) -> T:
    """Return the answer of the server that the options name.

    Raises:
        NoServer: there is none.
        ClientError: it did not answer, or not well.
    """
    server = require_server(url, key)

    async def answer() -> T:
        async with open_client(server) as client:
            return await question(client)

    return run_async(answer())


def open_client(server: Server) -> AsyncGraftwork:
    """Return a client that is less patient than a program's: a person waits for its one answer."""
    return AsyncGraftwork(server.url, server.api_key, retry_seconds=RETRY_SECONDS)


async def named_or_newest(client: AsyncGraftwork, job_id: str | None) -> str:
    """Return the job's id; where None, the one that was submitted last."""
    if job_id is not None:
        return job_id
    newest = (await client.list(limit=1)).items
    if not newest:
        raise CliError("there are no jobs yet: `graftwork run JOB.yaml` submits one")
    return newest[0].id


job_argument = click.argument("job_id", metavar="[JOB]", required=False)


def confirm(question: str, *, yes: bool) -> None:
    """Let a person at a terminal confirm what cannot be taken back, unless ``--yes`` said it. Raises ``Abort``."""
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True, err=True)


yes_option = click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
