"""A job as the server's models can do it, for the commands that ask the server about a job file."""

import click

from graftwork.cli.adapting import adapt_to_pools
from graftwork.cli.job_file import JobFile
from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec


async def fitted(client: AsyncGraftwork, job_file: JobFile) -> JobSpec:
    """Return the job as ``graftwork run`` would submit it; what had to be changed is told on standard error."""
    adapted = adapt_to_pools(job_file.spec, await client.pools())
    if adapted.notice:
        click.echo(adapted.notice, err=True)
    return adapted.spec
