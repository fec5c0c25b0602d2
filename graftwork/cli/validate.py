"""``graftwork validate``."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from graftwork.cli.connection import json_option
from graftwork.cli.errors import USAGE
from graftwork.cli.errors import JobFileError
from graftwork.cli.job_file import load_job


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def validate(file: Path, *, as_json: bool) -> None:
    """Check a job file; every mistake with its line."""
    try:
        job_file = load_job(file)
    except JobFileError as error:
        if not as_json:
            raise
        mistakes = [{**asdict(mistake), "file": str(mistake.file)} for mistake in error.mistakes]
        click.echo(json.dumps({"valid": False, "mistakes": mistakes}, indent=2))
        raise SystemExit(USAGE) from error
    if as_json:
        click.echo(json.dumps({"valid": True, "mistakes": [], "job": job_file.spec.model_dump(mode="json")}, indent=2))
    else:
        spec = job_file.spec
        click.echo(f"{file}: fine: {spec.count} rows, at most {spec.search.iterations} iterations")
