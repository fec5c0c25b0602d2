"""The files of a dataset that a command was given: a directory here, or an id on the server."""

from pathlib import Path

from graftwork.cli.errors import NotADataset

SHARDS = ("data/*.parquet", "*.parquet")


def directory_of(dataset: str, url: str | None, key: str | None) -> Path:
    """Return the directory; a dataset that is named by its id is downloaded into the user's cache.

    Raises:
        NotADataset: there is no such directory, and the name can be no id.
        NoServer: the name can be an id, and there is no server to ask.
        ClientError: the server did not answer, or knows no such dataset.
    """
    here = Path(dataset)
    if here.is_dir():
        return here
    if here.name != dataset:
        raise NotADataset(f"there is no directory {dataset}")
    return _downloaded(dataset, url, key)


def _downloaded(dataset_id: str, url: str | None, key: str | None) -> Path:
    from graftwork.cli.asking import ask  # noqa: PLC0415 (a directory needs no client)
    from graftwork.client import AsyncGraftwork  # noqa: PLC0415
    from graftwork.client.loading import cache_of  # noqa: PLC0415

    place = cache_of(dataset_id)

    async def question(client: AsyncGraftwork) -> None:
        await client.download(dataset_id, place)

    ask(url, key, question)
    return place


def shards_of(directory: Path) -> list[Path]:
    """Return a dataset's Parquet files, in order. Raises ``NotADataset`` where there are none."""
    for pattern in SHARDS:
        if shards := sorted(directory.glob(pattern)):
            return shards
    raise NotADataset(f"{directory} holds no dataset: there is no {' or '.join(SHARDS)} in it")
