"""What every blob store has to do: a directory, and a real S3 server."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from graftwork.contracts.blobs import BlobRef
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork.kit.service import open_blobs
from graftwork.kit.settings import ServiceSettings
from tests.support.s3 import BUCKET
from tests.support.s3 import credentials

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def blobs(store_url: str) -> Blobs:
    return Blobs.open(store_url)


async def test_what_was_written_is_read_again(blobs: Blobs) -> None:
    await blobs.ping()
    one = await blobs.put_json({"half": "½"}, "job-1/spec")
    rows = await blobs.put_rows([{"n": n} for n in range(3)], "job-1/samples")

    assert await blobs.get_json(one) == {"half": "½"}
    assert await blobs.read_rows(rows) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert rows.rows == 3
    assert b"".join([chunk async for chunk in blobs.stream(rows.key)]) == b'{"n":0}\n{"n":1}\n{"n":2}\n'


async def test_writing_the_same_twice_is_one_payload(blobs: Blobs, store_url: str) -> None:
    first = await blobs.put_bytes(b"same", "job-1/x")
    second = await blobs.put_bytes(b"same", "job-1/x")

    assert first == second
    assert [entry["path"] async for page in obstore.list(from_url(store_url)) for entry in page] == [first.key]


async def test_a_payload_that_is_not_there_is_named(blobs: Blobs) -> None:
    missing = BlobRef(key="job-1/none.json", sha256="0" * 64, size_bytes=1)

    with pytest.raises(BlobMissing, match="job-1/none"):
        await blobs.get_bytes(missing)
    with pytest.raises(BlobMissing, match="job-1/none"):
        [chunk async for chunk in blobs.stream(missing.key)]


async def test_everything_of_a_job_is_deleted_and_nothing_of_its_neighbour(blobs: Blobs) -> None:
    gone = [await blobs.put_bytes(bytes([n]), f"job-1/{n}") for n in range(3)]
    neighbour = await blobs.put_bytes(b"stays", "job-10/x")

    assert await blobs.delete_under("job-1") == 3
    assert await blobs.delete_under("job-1") == 0
    assert await blobs.get_bytes(neighbour) == b"stays"
    for ref in gone:
        with pytest.raises(BlobMissing):
            await blobs.get_bytes(ref)


async def test_the_uri_leads_whoever_has_the_store_to_the_payload(blobs: Blobs) -> None:
    ref = await blobs.put_named("job-1/datasets/one/data.txt", b"rows")

    folder, _, name = blobs.uri_of(ref.key).rpartition("/")
    found = await obstore.get_async(from_url(folder), name)
    assert bytes(await found.bytes_async()) == b"rows"


async def test_a_store_that_does_not_answer_is_an_outage_and_not_a_missing_payload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in credentials("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    store = from_url(f"s3://{BUCKET}/x", retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)})
    blobs = Blobs(store, f"s3://{BUCKET}/x")

    with pytest.raises(DependencyDown, match="the blob store cannot be used"):
        await blobs.get_bytes(BlobRef(key="job-1/x", sha256="0" * 64, size_bytes=1))
    with pytest.raises(DependencyDown, match="the blob store cannot be used"):
        await blobs.put_bytes(b"x", "job-1")


async def test_a_payload_that_breaks_off_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = ["HTTP/1.1 200 OK", 'ETag: "1"', "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT", "Content-Length: 9"]
        writer.write("\r\n".join([*head, "", "half"]).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(half, "127.0.0.1", 0) as server:
        for name, value in credentials(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}").items():
            monkeypatch.setenv(name, value)
        store = from_url(f"s3://{BUCKET}/x", retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)})

        with pytest.raises(DependencyDown, match="the blob store cannot be used"):
            assert [chunk async for chunk in Blobs(store, f"s3://{BUCKET}/x").stream("job-1/x")] == [b"half"]


async def test_a_directory_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    blobs = Blobs.open((tmp_path / "blobs").as_uri())
    (tmp_path / "blobs" / "job-1").write_text("in the way")

    with pytest.raises(DependencyDown, match="the blob store cannot be used"):
        await blobs.put_bytes(b"x", "job-1")


async def test_keys_of_a_store_may_lie_in_files(
    s3_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    for name, value in credentials(s3_address).items():
        if name in keys:
            monkeypatch.delenv(name, raising=False)
            (tmp_path / name).write_text(f"{value}\n")
        else:
            monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/{secrets.token_hex(4)}"

    await open_blobs(ServiceSettings(blobs=url, secrets_dir=tmp_path)).ping()


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


async def broken() -> AsyncIterator[bytes]:
    yield b"x" * 6_000_000
    raise LookupError("the line was cut")


@pytest.mark.parametrize("data", [(), (b"a", b"", b"bc"), (b"x" * 6_000_000, b"y")])
async def test_what_comes_in_pieces_is_one_payload(blobs: Blobs, data: tuple[bytes, ...]) -> None:
    whole = b"".join(data)

    ref = await blobs.put_stream("job-1/pieces", pieces(*data))

    assert ref == BlobRef(key="job-1/pieces", sha256=hashlib.sha256(whole).hexdigest(), size_bytes=len(whole))
    assert await blobs.get_bytes(ref) == whole


async def test_nothing_is_kept_of_what_breaks_off(blobs: Blobs) -> None:
    with pytest.raises(LookupError, match="the line was cut"):
        await blobs.put_stream("job-1/broken", broken())

    assert [key async for key in blobs.all_keys()] == []


async def test_keys_and_folders_are_told(blobs: Blobs) -> None:
    for key in ("job-2/a", "job-1/b/c", "job-1/d", "top"):
        await blobs.put_named(key, b"x")

    assert sorted([key async for key in blobs.all_keys()]) == ["job-1/b/c", "job-1/d", "job-2/a", "top"]
    assert await blobs.folders() == ["job-1", "job-2"]
