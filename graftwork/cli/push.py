"""``graftwork datasets push``."""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.dataset_files import directory_of
from graftwork.cli.dataset_files import shards_of
from graftwork.cli.errors import ExtraMissing
from graftwork.cli.errors import NoHubToken

if TYPE_CHECKING:
    from graftwork.cli.hub import Pushed

_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_PACKAGES = ("huggingface_hub", "httpx2")


def _is_a_repo(_context: click.Context, _option: click.Parameter, repo: str) -> str:
    if not _REPO.fullmatch(repo):
        raise click.BadParameter("should be OWNER/NAME")
    return repo


@click.command()
@click.argument("dataset", metavar="DATASET")
@click.option("--repo", metavar="OWNER/NAME", required=True, callback=_is_a_repo, help="Made if it is not there.")
@click.option("--private", is_flag=True, help="Refuse a repository that others can read.")
@click.option("--endpoint", metavar="URL", envvar="HF_ENDPOINT", help="Another hub than the public one (HF_ENDPOINT).")
@server_options
@json_option
def push(
    dataset: str, *, repo: str, private: bool, endpoint: str | None, url: str | None, key: str | None, as_json: bool
) -> None:
    """Upload DATASET, a directory or an id, to a Hugging Face hub.

    The token is read from HF_TOKEN, and from nowhere else.
    """
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise NoHubToken
    directory = directory_of(dataset, url, key)
    shards_of(directory)  # nothing but a dataset leaves this machine
    pushed = _push(directory, repo, token, endpoint=endpoint, private=private)
    for warning in pushed.warnings:
        click.echo(warning, err=True)
    if as_json:
        click.echo(json.dumps({"repo": repo, "url": pushed.url, "commit": pushed.commit}))
    else:
        click.echo(pushed.url)


def _push(directory: Path, repo: str, token: str, *, endpoint: str | None, private: bool) -> "Pushed":
    try:
        from graftwork.cli import hub  # noqa: PLC0415 (it takes a while, and may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise ExtraMissing("huggingface_hub", "hub") from error
    return hub.push(directory, hub.Place(repo, token, endpoint, private))
