"""Backups in a blob store: files of gzipped BSON, each with a digest, streamed in and out.

Nothing is held in memory but the chunk at hand.
"""

import hashlib
import zlib
from collections.abc import AsyncIterator
from datetime import datetime

import bson
from pydantic import ValidationError

from graftwork.admin.errors import BackupInvalid
from graftwork.admin.manifest import FORMAT
from graftwork.admin.manifest import MANIFEST
from graftwork.admin.manifest import Manifest
from graftwork.admin.manifest import Part
from graftwork.kit.blobs import Blobs
from graftwork.kit.errors import BlobMissing

_GZIP = 16 + zlib.MAX_WBITS
_CHUNK_BYTES = 1024 * 1024
_LENGTH_BYTES = 4
_SHORTEST = 5


class NoManifest(BackupInvalid):
    """A folder is no backup, or one that was begun and not finished."""


class Archive:
    """The backups of one blob store. Every method raises ``DependencyDown`` while the store cannot be used."""

    def __init__(self, store: Blobs) -> None:
        self._store = store

    async def write(self, backup: str, name: str, rows: AsyncIterator[bytes]) -> Part:
        """Store BSON documents as a file."""
        writing = _Writing(rows)
        await self._store.put_stream(f"{backup}/{name}", writing.chunks())
        return Part(name=name, sha256=writing.digest.hexdigest(), size_bytes=writing.size_bytes, rows=writing.rows)

    async def read(self, backup: str, part: Part) -> AsyncIterator[bytes]:
        """BSON documents of a file, one by one. Raises ``BackupInvalid``."""
        left = b""
        async for data in self._inflated(backup, part):
            left += data
            begin = 0
            while (end := _end_of_document(left, begin)) is not None:
                yield left[begin:end]
                begin = end
            left = left[begin:]
        if left:
            raise BackupInvalid(f"{backup}/{part.name} ends in the middle of a document")

    async def verify(self, backup: str, part: Part) -> None:
        """Compare a file with its digest. Raises ``BackupInvalid``."""
        digest, size = hashlib.sha256(), 0
        async for data in self._bytes_of(f"{backup}/{part.name}"):
            digest.update(data)
            size += len(data)
        if (digest.hexdigest(), size) != (part.sha256, part.size_bytes):
            raise BackupInvalid(
                f"{backup}/{part.name} is not what the manifest says: {size:,} bytes of sha256 {digest.hexdigest()}, "
                f"and it should be {part.size_bytes:,} of {part.sha256}"
            )

    async def seal(self, manifest: Manifest) -> None:
        """Write the manifest: from now on it is a backup."""
        await self._store.put_named(f"{manifest.id}/{MANIFEST}", manifest.model_dump_json(indent=2).encode())

    async def manifest(self, backup: str) -> Manifest:
        """What a backup says of itself. Raises ``BackupInvalid``."""
        try:
            data = b"".join([chunk async for chunk in self._store.stream(f"{backup}/{MANIFEST}")])
            found = Manifest.model_validate_json(data)
        except BlobMissing as error:
            raise NoManifest(
                f"there is no backup {backup} at {self._store.uri_of('')}, or it is not finished"
            ) from error
        except ValidationError as error:
            raise BackupInvalid(f"{backup}/{MANIFEST} is no manifest of ours: {error.errors()[0]['msg']}") from error
        if found.format > FORMAT:
            raise BackupInvalid(f"{backup} was made by release {found.release} in a format that this one cannot read")
        return found

    async def manifests(self) -> list[Manifest]:
        """Every backup, oldest first; what was begun and not finished is not among them."""
        found: list[Manifest] = []
        for backup in await self._store.folders():
            try:
                found.append(await self.manifest(backup))
            except NoManifest:
                continue
        return sorted(found, key=_made_at)

    def blob_key(self, backup: str, key: str) -> str:
        """Where a payload of a backup lies in ``store``."""
        return f"{backup}/blobs/{key}"

    @property
    def store(self) -> Blobs:
        """Where all of it lies."""
        return self._store

    async def _bytes_of(self, key: str) -> AsyncIterator[bytes]:
        try:
            async for data in self._store.stream(key):
                yield data
        except BlobMissing as error:
            raise BackupInvalid(f"{key} is not at {self._store.uri_of('')}") from error

    async def _inflated(self, backup: str, part: Part) -> AsyncIterator[bytes]:
        inflate = zlib.decompressobj(_GZIP)
        try:
            async for data in self._bytes_of(f"{backup}/{part.name}"):
                yield inflate.decompress(data)
            yield inflate.flush()
        except zlib.error as error:
            raise BackupInvalid(f"{backup}/{part.name} is not gzip: {error}") from error


class _Writing:
    """Rows on their way into a file."""

    def __init__(self, rows: AsyncIterator[bytes]) -> None:
        self._documents = rows
        self.digest = hashlib.sha256()
        self.size_bytes = 0
        self.rows = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        deflate = zlib.compressobj(wbits=_GZIP)
        ready = bytearray()
        async for document in self._documents:
            self.rows += 1
            ready += deflate.compress(document)
            if len(ready) >= _CHUNK_BYTES:
                yield self._counted(bytes(ready))
                ready.clear()
        yield self._counted(bytes(ready) + deflate.flush())

    def _counted(self, data: bytes) -> bytes:
        self.digest.update(data)
        self.size_bytes += len(data)
        return data


def _end_of_document(data: bytes, begin: int) -> int | None:
    """Where the document at ``begin`` ends; None where the rest of it is still to come. BSON begins with its length."""
    if len(data) < begin + _LENGTH_BYTES:
        return None
    length = int.from_bytes(data[begin : begin + _LENGTH_BYTES], "little", signed=True)
    if length < _SHORTEST:
        raise BackupInvalid("a file of the backup holds something that is no BSON document")
    return begin + length if len(data) >= begin + length else None


def _made_at(manifest: Manifest) -> datetime:
    return manifest.made_at


async def encoded(rows: AsyncIterator[dict[str, object]]) -> AsyncIterator[bytes]:
    """Rows as BSON."""
    async for row in rows:
        yield bson.encode(row)
