"""What the commands that ask a server share."""

from collections.abc import Awaitable
from collections.abc import Callable
from typing import TypeVar

import click

from graftwork.cli.connection import require_server
from graftwork.cli.errors import CliError
from graftwork.cli.running import run_async
from graftwork.client import AsyncGraftwork

T = TypeVar("T")


def ask(url: str | None, key: str | None, question: Callable[[AsyncGraftwork], Awaitable[T]]) -> T:
    """Return the answer of the server that the options name.

    Raises:
        NoServer: there is none.
        ClientError: it did not answer, or not well.
    """
    server = require_server(url, key)

    async def answer() -> T:
        async with AsyncGraftwork(server.url, server.api_key) as client:
            return await question(client)

    return run_async(answer())


async def named_or_newest(client: AsyncGraftwork, job_id: str | None) -> str:
    """Return the job's id; where None, the one that was submitted last."""
    if job_id is not None:
        return job_id
    newest = (await client.list(limit=1)).items
    if not newest:
        raise CliError("there are no jobs yet: `graftwork run JOB.yaml` submits one")
    return newest[0].id


job_argument = click.argument("job_id", metavar="[JOB]", required=False)
