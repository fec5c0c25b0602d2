"""``graftwork datasets``."""

import json
from pathlib import Path

import click

from graftwork.cli.asking import ask
from graftwork.cli.asking import confirm
from graftwork.cli.asking import yes_option
from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.push import push
from graftwork.cli.save_as import save_as
from graftwork.cli.tables import print_table
from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView

TIME = "%Y-%m-%d %H:%M"
DATASETS = Path("datasets")


@click.group()
def datasets() -> None:
    """List, download, save in other formats, push and delete published datasets."""


datasets.add_command(save_as)
datasets.add_command(push)


@datasets.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--cursor", help="`next_cursor` of the page before.")
@server_options
@json_option
def list_datasets(limit: int, cursor: str | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """List datasets, newest first."""

    async def question(client: AsyncGraftwork) -> DatasetList:
        return await client.datasets(limit=limit, cursor=cursor)

    page = ask(url, key, question)
    if as_json:
        click.echo(page.model_dump_json())
        return
    print_table(("DATASET", "ROWS", "COMPLETE", "JOB", "PUBLISHED"), map(_row, page.items))
    if page.next_cursor:
        click.echo(f"more: graftwork datasets list --cursor {page.next_cursor}", err=True)


@datasets.command()
@click.argument("dataset_id", metavar="DATASET")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=DATASETS, show_default=True,
              help="Directory in which the dataset gets a directory of its own.")  # fmt: skip
@server_options
@json_option
def download(dataset_id: str, output: Path, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Download DATASET and print where it lies. Files that are there already are not fetched again."""
    place = (output / dataset_id).absolute()

    async def question(client: AsyncGraftwork) -> DatasetView:
        return await client.download(dataset_id, place)

    dataset = ask(url, key, question)
    if as_json:
        click.echo(json.dumps({"path": str(place), "dataset": dataset.model_dump(mode="json")}))
    else:
        click.echo(str(place))


@datasets.command()
@click.argument("dataset_id", metavar="DATASET")
@yes_option
@server_options
def delete(dataset_id: str, url: str | None, key: str | None, *, yes: bool) -> None:
    """Delete DATASET and its files on the server. There is no way back."""
    confirm(f"Delete dataset {dataset_id}?", yes=yes)

    async def question(client: AsyncGraftwork) -> None:
        await client.delete_dataset(dataset_id)

    ask(url, key, question)
    click.echo(f"Dataset {dataset_id} is deleted")


def _row(dataset: DatasetView) -> tuple[str, ...]:
    complete = "yes" if dataset.complete else "no"
    return dataset.id, str(dataset.rows), complete, dataset.job_id, f"{dataset.published_at:{TIME}}"
