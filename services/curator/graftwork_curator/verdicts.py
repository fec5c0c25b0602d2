"""Writes the verdicts of a round as JSON lines, a bounded number of rows at a time."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel

from graftwork.contracts.blobs import BlobRef
from graftwork_curator.acceptance import Outcome
from graftwork_curator.acceptance import Tally
from graftwork_curator.acceptance import Verdict
from graftwork_curator.acceptance import tally
from graftwork_curator.rows import Discarded
from graftwork_curator.rows import jsonl


class BlobWriter(Protocol):
    """Where the lines go; writing the same content twice is harmless."""

    async def put_bytes(self, data: bytes, prefix: str, suffix: str = "bin", rows: int | None = None) -> BlobRef:
        """Store under ``prefix``."""
        ...


class VerdictWriter:
    """Accepted rows in one series of blobs, everything else in another. ``tally`` counts as it goes."""

    def __init__(self, blobs: BlobWriter, prefix: str, rows_per_blob: int) -> None:
        self.tally = Tally()
        self._accepted = _Series(blobs, f"{prefix}/accepted", rows_per_blob)
        self._discarded = _Series(blobs, f"{prefix}/discarded", rows_per_blob)

    async def write(self, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts, in order."""
        self.tally += tally(verdicts)
        await self._accepted.write([v.row for v in verdicts if v.outcome is Outcome.ACCEPTED])
        await self._discarded.write([Discarded.of(v) for v in verdicts if v.outcome is not Outcome.ACCEPTED])

    async def finish(self) -> tuple[tuple[BlobRef, ...], tuple[BlobRef, ...]]:
        """Write what is left; the blobs of accepted and of discarded rows."""
        return await self._accepted.finish(), await self._discarded.finish()


class _Series:
    def __init__(self, blobs: BlobWriter, prefix: str, rows_per_blob: int) -> None:
        self._blobs = blobs
        self._prefix = prefix
        self._rows_per_blob = rows_per_blob
        self._rows: list[BaseModel] = []
        self._written: list[BlobRef] = []

    async def write(self, rows: Sequence[BaseModel]) -> None:
        self._rows.extend(rows)
        while len(self._rows) >= self._rows_per_blob:
            await self._put(self._rows[: self._rows_per_blob])
            del self._rows[: self._rows_per_blob]

    async def finish(self) -> tuple[BlobRef, ...]:
        if self._rows:
            await self._put(self._rows)
        return tuple(self._written)

    async def _put(self, rows: Sequence[BaseModel]) -> None:
        data = jsonl(rows)
        self._written.append(await self._blobs.put_bytes(data, self._prefix, "jsonl", rows=len(rows)))
