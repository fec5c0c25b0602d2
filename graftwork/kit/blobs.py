"""The blob store: samples and other large payloads, content-addressed (claim check).

Local directory, S3, GCS or Azure through ``obstore``. Writing the same content twice is harmless;
reading checks the digest. Every method raises ``DependencyDown`` while the store cannot be used.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import TypeVar
from urllib.parse import unquote
from urllib.parse import urlparse

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore
from obstore.store import ObjectStore
from obstore.store import from_url
from pydantic import BaseModel

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.ids import canonical_json
from graftwork.kit.errors import BlobMissing
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import NotText

M = TypeVar("M", bound=BaseModel)
PING = "health/ping"
"""Key of what is written to see whether the store takes anything."""
_ONE_REQUEST_BYTES = 4 * 1024 * 1024
_PAGE = 1_000


@dataclass(frozen=True)
class BlobEntry:
    """A payload as the store lists it. ``modified_at`` is by the store's clock."""

    key: str
    size_bytes: int
    modified_at: datetime


class Blobs:
    """Reads and writes payloads. Safe for concurrent use."""

    def __init__(self, store: ObjectStore, url: str) -> None:
        self._store = store
        self._url = url.rstrip("/")

    @classmethod
    def open(cls, url: str, options: Mapping[str, str] | None = None) -> "Blobs":
        """Store at ``url``; a local directory is created.

        ``options``: of a store elsewhere, by obstore's names (``aws_secret_access_key``); beside its environment.
        """
        parsed = urlparse(url)
        if parsed.scheme in {"", "file"}:
            root = Path(unquote(parsed.path))
            return cls(LocalStore(root, mkdir=True, automatic_cleanup=False), root.absolute().as_uri())
        config: Any = dict(options or {}) or None  # which keys there are depends on the store
        return cls(from_url(url, config=config), url)

    def uri_of(self, key: str) -> str:
        """Where ``key`` lies, for whoever can reach the store itself."""
        return f"{self._url}/{key}"

    async def put_bytes(self, data: bytes, prefix: str, suffix: str = "bin", rows: int | None = None) -> BlobRef:
        """Store under ``prefix/<sha256>.suffix``."""
        sha256 = hashlib.sha256(data).hexdigest()
        return await self._put(f"{prefix}/{sha256}.{suffix}", data, sha256, rows)

    async def put_named(self, key: str, data: bytes, rows: int | None = None) -> BlobRef:
        """Store under a name chosen by the caller; for published files."""
        return await self._put(key, data, hashlib.sha256(data).hexdigest(), rows)

    async def put_json(self, value: BaseModel | Mapping[str, Any], prefix: str) -> BlobRef:
        """Store one JSON value. Raises ``NotText``."""
        return await self.put_bytes(_text_of(value), prefix, "json")

    async def put_rows(self, rows: Iterable[BaseModel | Mapping[str, Any]], prefix: str) -> BlobRef:
        """Store JSON lines. Raises ``NotText``."""
        lines = [_text_of(row) for row in rows]
        return await self.put_bytes(b"".join(line + b"\n" for line in lines), prefix, "jsonl", rows=len(lines))

    async def get_bytes(self, ref: BlobRef) -> bytes:
        """Read and check the digest. Raises ``BlobMissing``."""
        with _answering(ref.key):
            result = await obstore.get_async(self._store, ref.key)
            data = bytes(await result.bytes_async())
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise BlobMissing(f"payload {ref.key} is not what its digest says")
        return data

    async def get_json(self, ref: BlobRef) -> Any:
        """Read one JSON value."""
        return json.loads(await self.get_bytes(ref))

    async def get_model(self, ref: BlobRef, model: type[M]) -> M:
        """Read one JSON value as ``model``."""
        return model.model_validate_json(await self.get_bytes(ref))

    async def read_rows(self, ref: BlobRef) -> list[dict[str, Any]]:
        """Read JSON lines."""
        return [json.loads(line) for line in (await self.get_bytes(ref)).splitlines()]

    async def read_models(self, ref: BlobRef, model: type[M]) -> list[M]:
        """Read JSON lines as ``model``."""
        return [model.model_validate_json(line) for line in (await self.get_bytes(ref)).splitlines()]

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Chunks of a payload, unchecked; for downloads. Raises ``BlobMissing``."""
        with _answering(key):
            result = await obstore.get_async(self._store, key)
        chunks = aiter(result.stream())
        while True:
            with _answering(key):  # not around the yield: what the reader raises is none of the store's
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes]) -> BlobRef:
        """Store what comes, without ever holding all of it; nothing is stored if ``chunks`` raises."""
        digest, size = hashlib.sha256(), 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk

        first, rest = await _first_of(counted())
        with _answering(key):
            await obstore.put_async(self._store, key, first if rest is None else rest)
        return BlobRef(key=key, sha256=digest.hexdigest(), size_bytes=size)

    async def all_keys(self) -> AsyncIterator[str]:
        """Every key, in no order."""
        with _answering("all payloads"):
            async for page in obstore.list(self._store):
                for entry in page:
                    yield entry["path"]

    async def folders(self) -> list[str]:
        """First parts of all keys that have more than one, sorted."""
        with _answering("folders"):
            found = await obstore.list_with_delimiter_async(self._store)
        return sorted(found["common_prefixes"])

    async def delete_under(self, prefix: str) -> int:
        """Delete every payload whose key begins with ``prefix/``; return their number. Doing it again is harmless."""
        deleted = 0
        with _answering(prefix):
            async for page in obstore.list(self._store, f"{prefix}/"):
                paths = [entry["path"] for entry in page]
                await obstore.delete_async(self._store, paths)
                deleted += len(paths)
        return deleted

    async def entries(self, prefix: str = "") -> AsyncIterator[Sequence[BlobEntry]]:
        """What lies under ``prefix/`` (empty: in the whole store), a page at a time, in no order."""
        with _answering(prefix):
            async for page in obstore.list(self._store, f"{prefix}/" if prefix else None, chunk_size=_PAGE):
                yield [BlobEntry(one["path"], one["size"], one["last_modified"]) for one in page]

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete payloads. Raises ``BlobMissing`` where a store tells that one is gone already."""
        with _answering(", ".join(keys[:3])):
            await obstore.delete_async(self._store, list(keys))

    async def ping(self) -> None:
        """Prove that the store can be written."""
        with _answering(PING):
            await obstore.put_async(self._store, PING, b"ok")

    async def _put(self, key: str, data: bytes, sha256: str, rows: int | None) -> BlobRef:
        with _answering(key):
            await obstore.put_async(self._store, key, data)
        return BlobRef(key=key, sha256=sha256, size_bytes=len(data), rows=rows)


async def _first_of(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """All that comes, where one request holds it; else what goes on with it from its beginning."""
    begun = bytearray()
    async for chunk in chunks:
        begun += chunk
        if len(begun) > _ONE_REQUEST_BYTES:
            return b"", _chained(bytes(begun), chunks)
    return bytes(begun), None


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


@contextmanager
def _answering(key: str) -> Iterator[None]:
    """Classify what the store raises: a payload that is not there, or a store that cannot be used now."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobMissing(f"payload {key} is not in the blob store") from error
    except (BaseError, OSError) as error:
        raise DependencyDown(f"the blob store cannot be used: {str(error).splitlines()[0][:300]}") from error


def _text_of(value: BaseModel | Mapping[str, Any]) -> bytes:
    try:
        return canonical_json(value.model_dump(mode="json") if isinstance(value, BaseModel) else value)
    except UnicodeEncodeError as error:
        raise NotText(f"cannot be written as UTF-8: {error.reason} at character {error.start}") from error
