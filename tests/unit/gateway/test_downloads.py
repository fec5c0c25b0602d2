import hashlib
import io
import zipfile
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.snapshots import DatasetFile
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing
from graftwork_gateway.downloads import Archive


class Shelf(Blobs):
    """Blobs that come in chunks chosen by the test."""

    def __init__(self, chunks: dict[str, list[bytes]]) -> None:
        self._chunks = chunks

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        if key not in self._chunks:
            raise BlobMissing(key)
        for chunk in self._chunks[key]:
            yield chunk


def files_of(content: dict[str, list[bytes]]) -> list[DatasetFile]:
    return [
        DatasetFile(path=path, blob=BlobRef(key=path, sha256=sha256(chunks), size_bytes=sum(map(len, chunks))))
        for path, chunks in content.items()
    ]


def sha256(chunks: list[bytes]) -> str:
    return hashlib.sha256(b"".join(chunks)).hexdigest()


PATHS = st.text("abc/", min_size=1, max_size=8).map(lambda text: "x" + text.strip("/") + "y")


@given(st.dictionaries(PATHS, st.lists(st.binary(min_size=1, max_size=300), max_size=6), max_size=5))
async def test_a_zip_holds_every_file_and_is_as_long_as_announced(content: dict[str, list[bytes]]) -> None:
    archive = Archive(files_of(content))
    data = b"".join([piece async for piece in archive.stream(Shelf(content))])
    read = zipfile.ZipFile(io.BytesIO(data))

    assert len(data) == archive.size_bytes
    assert read.testzip() is None
    assert {name: read.read(name) for name in read.namelist()} == {p: b"".join(c) for p, c in content.items()}


async def test_a_file_of_another_length_breaks_the_download_instead_of_the_data() -> None:
    archive = Archive(files_of({"a": [b"12345"]}))

    with pytest.raises(RuntimeError, match="did not match"):
        [piece async for piece in archive.stream(Shelf({"a": [b"123"]}))]


async def test_a_missing_first_file_is_told_before_the_first_byte() -> None:
    archive = Archive(files_of({"a": [b"12345"]}))

    with pytest.raises(BlobMissing):
        await anext(archive.stream(Shelf({})))


async def test_no_more_than_two_chunks_are_held() -> None:
    held: list[int] = []
    taken = 0

    class Counting(Shelf):
        async def stream(self, key: str) -> AsyncIterator[bytes]:
            nonlocal taken
            async for chunk in super().stream(key):
                taken += 1
                yield chunk

    chunks = [bytes([n]) * 10 for n in range(20)]
    given_back = 0
    async for piece in Archive(files_of({"a": chunks})).stream(Counting({"a": chunks})):
        given_back += piece in chunks
        held.append(taken - given_back)

    assert max(held) <= 2
    assert given_back == 20
