"""Files of a dataset, streamed: one of them, or all as one zip of known length."""

import zipfile
from collections import deque
from collections.abc import AsyncGenerator
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import quote

from zipstream import ZipStream  # type: ignore[import-untyped]

from graftwork.contracts.snapshots import DatasetFile
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.kit.blobs import Blobs
from graftwork_gateway.errors import NotFound


@dataclass(frozen=True)
class Download:
    """Bytes to come, and what to say about them."""

    content: AsyncGenerator[bytes, None]
    media_type: str
    headers: Mapping[str, str]


async def one_file(blobs: Blobs, dataset: DatasetSummary, path: str) -> Download:
    """One file as it is. Raises ``NotFound`` and ``BlobMissing``."""
    file = next((file for file in dataset.files if file.path == path), None)
    if file is None:
        raise NotFound(f"dataset {dataset.dataset_id!r} has no file {path!r}")
    content = await _begun(_chunks(blobs, file))
    headers = _headers(path.rpartition("/")[2], file.blob.size_bytes, file.blob.sha256)
    return Download(content, "application/octet-stream", headers)


async def all_files(blobs: Blobs, dataset: DatasetSummary) -> Download:
    """A zip of all files. Raises ``BlobMissing`` for the first; a later one that is missing breaks the download."""
    archive = Archive(dataset.files)
    content = await _begun(archive.stream(blobs))
    headers = _headers(f"{dataset.dataset_id}.zip", archive.size_bytes, dataset.sha256)
    return Download(content, "application/zip", headers)


class Archive:
    """A zip without compression: Parquet is compressed, and so the length is known before the first byte."""

    def __init__(self, files: Sequence[DatasetFile]) -> None:
        self._zip = ZipStream(compress_type=zipfile.ZIP_STORED, sized=True)
        self._inputs: list[tuple[DatasetFile, deque[bytes]]] = []
        for file in files:
            chunks: deque[bytes] = deque()
            self._inputs.append((file, chunks))
            self._zip.add(_taken(chunks), file.path, size=file.blob.size_bytes)
        self.size_bytes = len(self._zip)

    async def stream(self, blobs: Blobs) -> AsyncGenerator[bytes, None]:
        """The bytes of the zip, with two chunks of one file in memory. Used once.

        The writer gives a header and then a chunk for each that it takes, so it can be fed by a loop, one
        chunk ahead, without threads. It checks every size: a mistake breaks the download, never the data.
        """
        for file, chunks in self._inputs:
            writer = self._zip.file()
            async for chunk in _chunks(blobs, file):
                chunks.append(chunk)
                yield next(writer)
            for rest in writer:
                yield rest
        for footer in self._zip.footer():
            yield footer


def _taken(chunks: deque[bytes]) -> Iterator[bytes]:
    while chunks:
        yield chunks.popleft()


async def _chunks(blobs: Blobs, file: DatasetFile) -> AsyncGenerator[bytes, None]:
    async for chunk in blobs.stream(file.blob.key):
        yield chunk


async def _begun(content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same content, with the first piece read: what is missing is told before the answer has begun."""
    first = await anext(content, b"")

    async def whole() -> AsyncGenerator[bytes, None]:
        async with aclosing(content):
            yield first
            async for piece in content:
                yield piece

    return whole()


def _headers(name: str, size_bytes: int, sha256: str) -> dict[str, str]:
    return {
        "Content-Length": str(size_bytes),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        "ETag": f'"{sha256}"',
    }
