"""Published datasets: listed, shown, downloaded."""

import io
import zipfile
from datetime import timedelta

import pytest

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.snapshots import DatasetFile
from graftwork.contracts.snapshots import DatasetSummary
from tests.support.doors import Gateway
from tests.support.search_told import BLOB
from tests.support.search_told import NOON
from tests.support.search_told import finished
from tests.support.search_told import publish

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILES = {
    "README.md": b"# fractions\n",
    "data/train-00000-of-00001.parquet": bytes(range(256)) * 50_000,
    "rejected.jsonl": b"",
}


async def a_dataset(
    gateway: Gateway, content: dict[str, bytes] = FILES, minutes: int = 0, **changed: object
) -> DatasetSummary:
    job = await gateway.submit()
    at = NOON + timedelta(minutes=minutes)
    dataset = (await publish(gateway.door.blobs, job.id, content, at=at)).model_copy(update=changed)
    await gateway.send(finished(job.id, 1, dataset=dataset))
    await gateway.until(job.id, JobState.SUCCEEDED)
    return dataset


async def test_a_finished_job_leads_to_its_dataset(gateway: Gateway) -> None:
    dataset = await a_dataset(gateway)
    job = await gateway.until(dataset.job_id, JobState.SUCCEEDED)
    answer = await gateway.http.get(job.links["dataset"])
    view = DatasetView.model_validate_json(answer.content)

    assert job.dataset_id == dataset.dataset_id
    assert (view.id, view.job_id, view.rows, view.complete) == (dataset.dataset_id, job.id, 3, True)
    assert {file.path: file.size_bytes for file in view.files} == {p: len(data) for p, data in FILES.items()}
    assert (await gateway.http.get(view.links["job"])).json()["id"] == job.id


async def test_datasets_are_listed_newest_first_page_by_page(gateway: Gateway) -> None:
    made = [(await a_dataset(gateway, {"README.md": b"x"}, minutes)).dataset_id for minutes in (1, 3, 2)]
    first = DatasetList.model_validate_json((await gateway.http.get("/v1/datasets", params={"limit": 2})).content)
    rest = await gateway.http.get("/v1/datasets", params={"limit": 2, "cursor": str(first.next_cursor)})
    second = DatasetList.model_validate_json(rest.content)

    assert [item.id for item in first.items] == [made[1], made[2]]
    assert [item.id for item in second.items] == [made[0]]
    assert second.next_cursor is None


async def test_a_dataset_is_downloaded_as_a_zip_of_known_length(gateway: Gateway) -> None:
    dataset = await a_dataset(gateway)
    answer = await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}/download")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))

    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == FILES
    assert dataset.dataset_id in answer.headers["content-disposition"]


@pytest.mark.parametrize("path", list(FILES))
async def test_one_file_is_downloaded_as_it_is(gateway: Gateway, path: str) -> None:
    dataset = await a_dataset(gateway)
    answer = await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}/download", params={"path": path})
    sha256 = next(file.blob.sha256 for file in dataset.files if file.path == path)

    assert answer.content == FILES[path]
    assert answer.headers["etag"] == f'"{sha256}"'
    assert int(answer.headers["content-length"]) == len(FILES[path])


@pytest.mark.parametrize("path", ["nothing.txt", "../jobs", "/etc/passwd", ""])
async def test_files_that_are_not_of_the_dataset_are_not_found(gateway: Gateway, path: str) -> None:
    dataset = await a_dataset(gateway)
    answer = await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}/download", params={"path": path})

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_dataset_whose_files_are_gone_says_so_before_the_download_begins(gateway: Gateway) -> None:
    lost = (DatasetFile(path="README.md", blob=BLOB.model_copy(update={"key": "deleted"})),)
    broken = await a_dataset(gateway, files=lost)
    whole = await gateway.http.get(f"/v1/datasets/{broken.dataset_id}/download")
    one = await gateway.http.get(f"/v1/datasets/{broken.dataset_id}/download", params={"path": "README.md"})

    assert (whole.status_code, one.status_code) == (410, 410)
    assert whole.json()["type"] == "urn:graftwork:problem:blob_missing"


@pytest.mark.parametrize("path", ["", "/download"])
async def test_datasets_of_others_do_not_exist(gateway: Gateway, path: str) -> None:
    dataset = await a_dataset(gateway)
    async with gateway.as_somebody_new() as other:
        shown = await other.http.get(f"/v1/datasets/{dataset.dataset_id}{path}")
        listed = await other.http.get("/v1/datasets")

    assert shown.status_code == 404
    assert listed.json() == {"items": [], "next_cursor": None}


async def test_a_dataset_that_is_not_complete_says_so(gateway: Gateway) -> None:
    dataset = await a_dataset(gateway, {"README.md": b"x"}, complete=False)
    view = (await gateway.http.get(f"/v1/datasets/{dataset.dataset_id}")).json()

    assert view["complete"] is False
