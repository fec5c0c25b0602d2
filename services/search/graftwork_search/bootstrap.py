"""Wires the search service."""

from pymongo import ASCENDING
from pymongo import IndexModel

from graftwork.kit.clock import Clock
from graftwork.kit.service import Router
from graftwork.kit.service import Service
from graftwork.kit.service import open_blobs
from graftwork.kit.service import open_ledger
from graftwork_search.documents import FORGOTTEN
from graftwork_search.documents import NODES
from graftwork_search.documents import REQUESTS
from graftwork_search.handlers import add_handlers
from graftwork_search.settings import SearchSettings
from graftwork_search.tasks import add_tasks

NAME = "search"
_SECONDS_A_DAY = 24 * 3600


async def build(settings: SearchSettings, clock: Clock | None = None) -> Service:
    """Wire the service as its settings say."""
    router = Router(NAME)
    add_handlers(router, settings)
    add_tasks(router, settings)
    return Service(
        router=router,
        settings=settings,
        ledger=open_ledger(settings, NAME, clock),
        blobs=open_blobs(settings),
        indexes=_indexes(settings),
    )


def _indexes(settings: SearchSettings) -> dict[str, list[IndexModel]]:
    retention = int(settings.retention_days * _SECONDS_A_DAY)
    return {
        NODES: [IndexModel([("job_id", ASCENDING), ("round", ASCENDING)])],
        REQUESTS: [IndexModel([("job_id", ASCENDING), ("open", ASCENDING)])],
        FORGOTTEN: [IndexModel([("at", ASCENDING)], expireAfterSeconds=retention)],
    }
