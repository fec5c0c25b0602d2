"""A downloaded dataset as other libraries have it; each is needed only where it is asked for."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from typing import TypeVar

from platformdirs import user_cache_path

from graftwork.client.errors import MissingPackage
from graftwork.contracts.rest import DatasetView

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]
    from pandas import DataFrame  # type: ignore[import-untyped]

T = TypeVar("T")
Load = Callable[[list[str]], T]

PARQUET = ".parquet"


def cache_of(dataset_id: str) -> Path:
    """Return where a dataset's files go that were downloaded to be loaded."""
    return user_cache_path("graftwork") / "datasets" / Path(dataset_id).name


def shards(dataset: DatasetView, directory: Path) -> list[str]:
    """Return the paths of a dataset's Parquet files, in order."""
    return [str(directory / file.path) for file in dataset.files if file.path.endswith(PARQUET)]


def hugging_face() -> "Load[Dataset]":
    """Return what loads Parquet files with Hugging Face's library. Raises ``MissingPackage``."""
    library = _package("datasets")

    def load(files: list[str]) -> "Dataset":
        loaded: Dataset = library.Dataset.from_parquet(files)
        return loaded

    return load


def pandas() -> "Load[DataFrame]":
    """Return what loads Parquet files with pandas and PyArrow. Raises ``MissingPackage``."""
    library = _package("pandas")
    _package("pyarrow")

    def load(files: list[str]) -> "DataFrame":
        frame: DataFrame = library.concat([library.read_parquet(file) for file in files], ignore_index=True)
        return frame

    return load


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # it is there, and broken
        raise MissingPackage(name) from error
