"""Writes the files of a dataset, a bounded part of it in memory at a time.

Every file has a name that depends on the request alone and bytes that depend on the accepted rows and
the request alone, so a publication that was interrupted is simply done again.
"""

import asyncio
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from typing import Protocol

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.snapshots import DatasetFile
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.workflows import SampleRow
from graftwork_curator.card import Rows
from graftwork_curator.card import card
from graftwork_curator.columns import Columns
from graftwork_curator.lineage import job_yaml
from graftwork_curator.lineage import lineage_json
from graftwork_curator.publication import Publication
from graftwork_curator.publication import digest_of_files
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.shards import Shard
from graftwork_curator.shards import ShardCutter
from graftwork_curator.shards import shard_sizes
from graftwork_curator.store import Round

CARD = "README.md"
JOB = "job.yaml"
LINEAGE = "lineage.json"
REJECTED = "rejected.jsonl"


class DatasetBlobs(Protocol):
    """Where working rows are read from and published files go."""

    async def get_bytes(self, ref: BlobRef) -> bytes:
        """Content of a blob, checked against its digest."""
        ...

    async def put_named(self, key: str, data: bytes, rows: int | None = None) -> BlobRef:
        """Store under a name; the same name again replaces the content."""
        ...

    def uri_of(self, key: str) -> str:
        """Where ``key`` lies, for whoever can reach the store itself."""
        ...


class Publisher:
    """Publishes one dataset. Used once."""

    def __init__(self, blobs: DatasetBlobs, settings: CuratorSettings, publication: Publication) -> None:
        self._blobs = blobs
        self._settings = settings
        self._publication = publication
        self._columns = Columns(publication.spec.output)
        self._files: list[DatasetFile] = []

    async def publish(self, rounds: Sequence[Round], *, published_at: datetime) -> DatasetSummary:
        """Write every file, the card last, and tell what was written. ``rounds`` have an accepted row at least."""
        rows = await self._write_rows([ref for one in rounds for ref in one.accepted])
        await self._write_rejected([ref for one in rounds for ref in one.discarded])
        await self._put(LINEAGE, lineage_json(self._publication))
        await self._put(JOB, job_yaml(self._publication.spec))
        await self._put(CARD, card(self._publication, rows))
        return self._summary(rows.count, published_at)

    async def _write_rows(self, accepted: Sequence[BlobRef]) -> Rows:
        count = sum(ref.rows or 0 for ref in accepted)
        sizes = shard_sizes(count, self._settings.rows_per_shard)
        cutter = ShardCutter(self._columns.schema, sizes=sizes, rows_per_group=self._settings.rows_per_group)
        example: Mapping[str, Any] | None = None
        for ref in accepted:
            samples = [SampleRow.model_validate_json(line) for line in (await self._blobs.get_bytes(ref)).splitlines()]
            example = example or samples[0].output
            for shard in await asyncio.to_thread(self._cut, cutter, samples):
                await self._put(shard.path, shard.data, shard.rows)
        return Rows(
            count=count,
            example=example or {},
            schema=self._columns.schema,
            extras=self._columns.extras,
            arrow_bytes=cutter.arrow_bytes,
            file_bytes=sum(file.blob.size_bytes for file in self._files),
        )

    def _cut(self, cutter: ShardCutter, samples: Iterable[SampleRow]) -> list[Shard]:
        origin = self._publication.origin
        return list(cutter.cut(self._columns.row(sample, origin) for sample in samples))

    async def _write_rejected(self, discarded: Sequence[BlobRef]) -> None:
        """One file, or several when there are very many, of all that was judged and is not in the data."""
        parts = list(_parts(discarded, self._settings.rows_per_shard))
        for index, part in enumerate(parts):
            lines = [await self._blobs.get_bytes(ref) for ref in part]
            await self._put(rejected_path(index, len(parts)), b"".join(lines), sum(ref.rows or 0 for ref in part))

    async def _put(self, path: str, data: bytes, rows: int | None = None) -> None:
        blob = await self._blobs.put_named(f"{self._publication.location}/{path}", data, rows)
        self._files.append(DatasetFile(path=path, blob=blob))

    def _summary(self, rows: int, published_at: datetime) -> DatasetSummary:
        publication = self._publication
        files = tuple(sorted(self._files, key=lambda file: file.path))
        return DatasetSummary(
            dataset_id=publication.dataset_id,
            job_id=publication.job_id,
            name=publication.spec.name,
            location=publication.location,
            uri=self._blobs.uri_of(publication.location),
            columns={field.name: str(field.type) for field in self._columns.schema},
            rows=rows,
            counts=publication.counts,
            complete=publication.complete,
            files=files,
            sha256=digest_of_files(files),
            published_at=published_at,
        )


def rejected_path(index: int, parts: int) -> str:
    """``rejected.jsonl``, or numbered parts of it when one file would be too large."""
    return REJECTED if parts == 1 else f"rejected-{index:05d}-of-{parts:05d}.jsonl"


def _parts(refs: Sequence[BlobRef], rows_per_part: int) -> Iterator[list[BlobRef]]:
    """Group blobs so that each group has about ``rows_per_part`` rows; one empty group for none at all."""
    part: list[BlobRef] = []
    for ref in refs:
        part.append(ref)
        if sum(one.rows or 0 for one in part) >= rows_per_part:
            yield part
            part = []
    if part or not refs:
        yield part
