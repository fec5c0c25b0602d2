"""Published datasets as other libraries have them."""

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import httpx
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graftwork import client
from graftwork.client import AsyncGraftwork
from graftwork.client import Graftwork
from graftwork.client.loading import cache_of
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.snapshots import ProductionCounts
from tests.support.canned_gateway import NOW
from tests.support.canned_gateway import Gateway

URL = "http://gateway.test"
FIRST = [{"prompt": "1/2 of 8?", "completion": "4"}, {"prompt": "1/4 of 8?", "completion": "2"}]
SECOND = [{"prompt": "1/3 of 9?", "completion": "3"}]


def shard(rows: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


@pytest.fixture
def gateway() -> Gateway:
    """A gateway with one dataset of two shards and a card."""
    contents = {
        "README.md": b"# card",
        "data/train-00000-of-00002.parquet": shard(FIRST),
        "data/train-00001-of-00002.parquet": shard(SECOND),
    }
    files = tuple(
        DatasetFileView(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in contents.items()
    )
    counts = ProductionCounts(wanted=3, attempted=3, accepted=3)
    view = DatasetView(
        id="ds-1", job_id="job-1", name="fractions", rows=3, complete=True, counts=counts, files=files,
        sha256="0" * 64, location="job-1/dataset", published_at=NOW,
    )  # fmt: skip
    described = httpx.Response(200, content=view.model_dump_json())
    return Gateway(described, *(httpx.Response(200, content=content) for content in contents.values()))


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def load(kind: str, method: str, gateway: Gateway, *arguments: Any) -> Any:
    if kind == "sync":
        with Graftwork(URL, transport=gateway.transport) as graftwork:
            return getattr(graftwork, method)("ds-1", *arguments)
    async with AsyncGraftwork(URL, transport=gateway.transport) as graftwork:
        return await getattr(graftwork, method)("ds-1", *arguments)


async def test_a_dataset_is_loaded_as_hugging_faces(
    kind: str, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "arrow")

    loaded = await load(kind, "load_dataset", gateway, tmp_path / "files")

    assert isinstance(loaded, datasets.Dataset)
    assert loaded.to_list() == FIRST + SECOND
    assert (tmp_path / "files" / "README.md").read_bytes() == b"# card"


async def test_a_dataset_is_loaded_as_a_frame(kind: str, gateway: Gateway, tmp_path: Path) -> None:
    frame = await load(kind, "load_pandas", gateway, tmp_path)

    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("records") == FIRST + SECOND
    assert list(frame.index) == [0, 1, 2]


@pytest.mark.parametrize(
    ("method", "package"), [("load_dataset", "datasets"), ("load_pandas", "pandas"), ("load_pandas", "pyarrow")]
)
async def test_a_package_that_is_missing_is_named_before_anything_is_downloaded(
    method: str, package: str, gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(client.MissingPackage, match=f"^this needs the package {package}: pip install {package}$"):
        await load("sync", method, gateway, tmp_path)

    assert gateway.requests == []


def test_the_cache_keeps_datasets_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_of("ds-1").parent == cache_of("ds-2").parent
    assert cache_of("ds-1") != cache_of("ds-2")
    assert cache_of("../../escape").name == "escape"
