"""The work of the curator, as it lies in the ledger.

Both kinds go on when their job is stopped: they call no model, and what was paid for is kept. A
cancelled job publishes what was accepted.
"""

from typing import ClassVar

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import Lineage
from graftwork.contracts.ids import digest
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.kit.tasks import TaskPayload


class AcceptSamples(TaskPayload):
    """Take up to ``needed`` unique rows from these samples, in seed order, and ``wanted`` of all rounds at most."""

    survives_stop: ClassVar[bool] = True

    spec: BlobRef
    round: int
    samples: tuple[BlobRef, ...]
    needed: int
    wanted: int | None = None

    @property
    def candidates_sha256(self) -> str:
        """Identity of what is to be judged."""
        return digest([ref.sha256 for ref in self.samples])

    def needed_beside(self, accepted: int) -> int:
        """Rows to take when ``accepted`` were taken before; search does not know of those that it was told too late."""
        return self.needed if self.wanted is None else min(self.needed, max(0, self.wanted - accepted))

    def short_of(self, total: int, *, accepted: int) -> int:
        """Rows still missing when ``total`` were taken, ``accepted`` of them now."""
        return self.needed - accepted if self.wanted is None else max(0, self.wanted - total)


class PublishDataset(TaskPayload):
    """Publish what was accepted."""

    survives_stop: ClassVar[bool] = True

    spec: BlobRef
    counts: ProductionCounts
    complete: bool
    lineage: Lineage
    spent: SpendReport
    space: BlobRef | None = None
