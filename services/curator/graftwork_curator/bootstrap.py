"""The only place that wires the curator."""

from graftwork.kit.service import Service
from graftwork.kit.service import open_blobs
from graftwork.kit.service import open_ledger
from graftwork_curator.context import curator_context
from graftwork_curator.settings import CuratorSettings
from graftwork_curator.store import INDEXES
from graftwork_curator.tasks import router


async def build(settings: CuratorSettings) -> Service:
    """Build the service; connections are made when it runs."""
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, router.service),
        blobs=open_blobs(settings),
        context=curator_context(settings),
        indexes=INDEXES,
    )
