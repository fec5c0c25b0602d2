"""``graftwork validate``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from graftwork.cli.connection import Server
from graftwork.cli.connection import find_server
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.errors import USAGE
from graftwork.cli.errors import JobFileError
from graftwork.cli.estimates import estimate_rows
from graftwork.cli.job_file import JobFile
from graftwork.cli.job_file import load_job
from graftwork.cli.tables import print_fields
from graftwork.contracts.rest_plans import ValidationView


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--offline", is_flag=True, help="Ask no server.")
@server_options
@json_option
def validate(file: Path, url: str | None, key: str | None, *, offline: bool, as_json: bool) -> None:
    """Check a job file; every mistake with its line.

    Where a server answers, it checks the job too, and estimates what the job would take. Nothing is spent.
    """
    try:
        job_file = load_job(file)
        told = None if offline else _asked(job_file, find_server(url, key))
    except JobFileError as error:
        if not as_json:
            raise
        _print_mistakes(error)
    if as_json:
        estimate = told and told.model_dump(mode="json")
        job = job_file.spec.model_dump(mode="json")
        click.echo(json.dumps({"valid": True, "mistakes": [], "job": job, "server": estimate}, indent=2))
    else:
        _print(job_file, told)


def _asked(job_file: JobFile, server: Server | None) -> ValidationView | None:
    """What the server says; None, and why on standard error, where none can. Raises ``JobFileError``."""
    from graftwork.cli.asking import open_client  # noqa: PLC0415 (a check without a server needs no client)
    from graftwork.cli.fitting import fitted  # noqa: PLC0415
    from graftwork.cli.running import run_async  # noqa: PLC0415
    from graftwork.client import ClientError  # noqa: PLC0415
    from graftwork.client import Invalid  # noqa: PLC0415

    if server is None:
        return None

    async def question() -> ValidationView:
        async with open_client(server) as client:
            return await client.validate(await fitted(client, job_file))

    try:
        return run_async(question())
    except Invalid as error:
        raise job_file.mistakes_of(error.problem) from error
    except ClientError as error:
        click.echo(f"no estimate: {error}", err=True)
        return None


def _print(job_file: JobFile, told: ValidationView | None) -> None:
    spec = job_file.spec
    click.echo(f"{job_file.source.file}: fine: {spec.count} rows, at most {spec.search.iterations} iterations")
    if told is None:
        return
    print_fields(estimate_rows(told))
    for line in told.estimate.assumptions:
        click.echo(f"assumed: {line}")
    for line in told.warnings:
        click.echo(f"warning: {line}")


def _print_mistakes(error: JobFileError) -> NoReturn:
    mistakes = [{**asdict(mistake), "file": str(mistake.file)} for mistake in error.mistakes]
    click.echo(json.dumps({"valid": False, "mistakes": mistakes}, indent=2))
    raise SystemExit(USAGE) from error
