"""What a backup says of itself. Pure.

A backup is one folder of a blob store. Its manifest is written last, so a folder without one is no backup.
"""

from datetime import datetime

from pydantic import BaseModel
from pydantic import ConfigDict

MANIFEST = "manifest.json"
EVENTS = "events.bson.gz"
BLOBS = "blobs.bson.gz"
FORMAT = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Part(_Frozen):
    """One file: gzip over BSON documents, one after another. ``sha256`` and ``size_bytes`` are of the file as it lies.

    ``name`` is its path inside the backup; ``rows`` counts its documents.
    """

    name: str
    sha256: str
    size_bytes: int
    rows: int


class LedgerPart(_Frozen):
    """A ledger: its versions (None: from before versions), and each of its collections, also those without rows."""

    versions: dict[str, int] | None
    collections: dict[str, Part]


class Manifest(_Frozen):
    """A whole backup.

    Attributes:
        format: of the folder; a release reads those up to its own.
        id: name of the folder.
        made_at: when it was begun, by the clock of the machine that made it.
        release: of Graftwork.
        namespace: prefix of databases and topics, which are restored under the same names.
        cluster_time: MongoDB's, in seconds; every ledger is as it was then, all at once.
        ledgers: by service.
        groups: topics that each service consumes.
        events: what had been published by then, and may not have been admitted.
        blobs: list of all payloads, whose contents lie beside it; None where they were left out.
        blob_bytes: of the payloads.
    """

    format: int = FORMAT
    id: str
    made_at: datetime
    release: str
    namespace: str
    cluster_time: datetime
    ledgers: dict[str, LedgerPart]
    groups: dict[str, list[str]]
    events: Part
    blobs: Part | None
    blob_bytes: int = 0

    @property
    def parts(self) -> list[Part]:
        """Every file but the payloads."""
        ledgers = [part for ledger in self.ledgers.values() for part in ledger.collections.values()]
        return [*ledgers, self.events, *([self.blobs] if self.blobs else [])]

    @property
    def rows(self) -> int:
        """Documents of all ledgers."""
        return sum(part.rows for ledger in self.ledgers.values() for part in ledger.collections.values())

    @property
    def size_bytes(self) -> int:
        """All of it, as it lies."""
        return self.blob_bytes + sum(part.size_bytes for part in self.parts)
