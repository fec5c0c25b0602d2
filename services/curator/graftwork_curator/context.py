"""What the curator's tasks may use beside the kit's context."""

from graftwork.kit.blobs import Blobs
from graftwork.kit.journal import RequestJournal
from graftwork.kit.ledger import Ledger
from graftwork.kit.tasks import ContextFactory
from graftwork.kit.tasks import Lease
from graftwork.kit.tasks import TaskContext
from graftwork.kit.tasks import TaskPayload
from graftwork_curator.indexes import Indexes
from graftwork_curator.settings import CuratorSettings


class CuratorContext(TaskContext):
    """Context of one attempt, with the settings and the process's warm indexes."""

    def __init__(
        self,
        lease: Lease,
        *,
        ledger: Ledger,
        blobs: Blobs,
        journal: RequestJournal,
        settings: CuratorSettings,
        indexes: Indexes,
    ) -> None:
        super().__init__(lease, ledger=ledger, blobs=blobs, journal=journal)
        self.settings = settings
        self.indexes = indexes


def curator_context(settings: CuratorSettings) -> ContextFactory:
    """Context factory; its contexts share one set of warm indexes."""
    indexes = Indexes(settings.warm_indexes)

    def build(
        lease: Lease, payload: TaskPayload, *, ledger: Ledger, blobs: Blobs, journal: RequestJournal
    ) -> CuratorContext:
        del payload
        return CuratorContext(lease, ledger=ledger, blobs=blobs, journal=journal, settings=settings, indexes=indexes)

    return build
