"""What the ledgers say about a job or a dataset: whether anything still needs its payloads.

The one place outside the services that knows what they call their collections; a test holds it to theirs. In doubt
something is in use: any row that names a job keeps its payloads, whoever wrote it.
"""

from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pymongo.errors import PyMongoError

from graftwork.admin.blob_groups import dataset_of
from graftwork.admin.blob_groups import is_publication_of
from graftwork.admin.errors import ServerAway
from graftwork.admin.ledgers import SERVICES
from graftwork.kit.clock import SystemClock
from graftwork.kit.ledger import OUTBOX
from graftwork.kit.ledger import READY
from graftwork.kit.ledger import RUNNING
from graftwork.kit.ledger import TASKS
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.refusals import mongo_refusals
from graftwork.kit.service import open_ledger
from graftwork.kit.settings import ServiceSettings

GATEWAY, SEARCH, CURATOR = "gateway", "search", "curator"
JOBS = {GATEWAY: "jobs", SEARCH: "jobs"}
"""Collections with a row for every job, by its id. The gateway's says ``deleted_at`` of a job that is gone."""
DATASETS = {GATEWAY: "datasets", CURATOR: "datasets"}
"""Collections with a row for every dataset, by its id; they name their job in ``job_id``."""
ROUNDS = {CURATOR: "rounds"}
"""Collections that name their job in ``job_id``."""
_UNFINISHED = {"$in": [READY, RUNNING]}


@dataclass(frozen=True)
class Known:
    """Of some groups: those that are ``used``, and whether ``any`` of them was ever heard of."""

    used: frozenset[str]
    any: bool


class References:
    """The ledgers of all platforms on one MongoDB: several may keep their payloads in one store."""

    def __init__(self, platforms: Iterable[Mapping[str, Ledger]]) -> None:
        self._platforms = list(platforms)

    async def of(self, prefixes: Collection[str]) -> Known:
        """What is known of the groups with these prefixes."""
        datasets = {dataset: prefix for prefix in prefixes if (dataset := dataset_of(prefix)) is not None}
        jobs = [prefix for prefix in prefixes if dataset_of(prefix) is None]
        used: set[str] = set()
        deleted = False
        for ledgers in self._platforms:
            used |= await _used_jobs(ledgers, jobs)
            used |= {datasets[dataset] for dataset in await _used_datasets(ledgers, list(datasets))}
            deleted = deleted or await ledgers[GATEWAY].read.count(JOBS[GATEWAY], {"_id": {"$in": jobs}}) > 0
        return Known(frozenset(used), bool(used) or deleted)


@asynccontextmanager
async def open_references(settings: ServiceSettings) -> AsyncIterator[References]:
    """Ledgers of every platform on the settings' MongoDB.

    Raises ``ServerAway``, and ``ServerRefuses`` or ``DependencyDown`` that say what to mend.
    """
    own = open_ledger(settings, "admin")
    try:
        with mongo_refusals(settings):
            yield References([_platform(own, name) for name in await _namespaces(own)])
    except PyMongoError as error:
        raise ServerAway("MongoDB", settings.mongo.rpartition("@")[2], error) from error
    finally:
        await own.close()


async def _namespaces(ledger: Ledger) -> list[str]:
    """Those whose gateway has a database, and ours.

    Refused to whoever may not see every database: one that is not seen would have its payloads taken for garbage.
    """
    answer = await ledger.client.admin.command("listDatabases", nameOnly=True, authorizedDatabases=False)
    names = [str(one["name"]) for one in answer["databases"]]
    ending = f"_{GATEWAY}"
    return sorted({ledger.namespace, *(name.removesuffix(ending) for name in names if name.endswith(ending))})


def _platform(own: Ledger, namespace: str) -> dict[str, Ledger]:
    clock = SystemClock()
    return {name: Ledger(own.client, service=name, namespace=namespace, clock=clock) for name in SERVICES}


async def _used_jobs(ledgers: Mapping[str, Ledger], jobs: list[str]) -> set[str]:
    by_id: Document = {"_id": {"$in": jobs}}
    by_job: Document = {"job_id": {"$in": jobs}}
    used = {
        *await _ids(ledgers[GATEWAY], JOBS[GATEWAY], {**by_id, "deleted_at": None}, "_id"),
        *await _ids(ledgers[SEARCH], JOBS[SEARCH], by_id, "_id"),
    }
    for service, collection in [*DATASETS.items(), *ROUNDS.items()]:
        used |= await _ids(ledgers[service], collection, by_job, "job_id")
    for ledger in ledgers.values():
        used |= await _ids(ledger, TASKS, {**by_job, "state": _UNFINISHED}, "job_id")
        used |= await _in_outbox(ledger, jobs)
    return used


async def _used_datasets(ledgers: Mapping[str, Ledger], datasets: list[str]) -> set[str]:
    used: set[str] = set()
    for service, collection in DATASETS.items():
        used |= await _ids(ledgers[service], collection, {"_id": {"$in": datasets}}, "_id")
    requests = await _ids(ledgers[CURATOR], TASKS, {"state": _UNFINISHED}, "request_id")
    return used | {one for one in datasets if any(is_publication_of(one, request) for request in requests)}


async def _in_outbox(ledger: Ledger, jobs: list[str]) -> set[str]:
    """Jobs of which something is still to be told: their id is the key of their events."""
    keys = [job.encode() for job in jobs]
    rows = await ledger.read.find(OUTBOX, {"key": {"$in": keys}}, projection={"key": 1})
    return {bytes(row["key"]).decode() for row in rows}


async def _ids(ledger: Ledger, collection: str, query: Document, field: str) -> set[str]:
    rows = await ledger.read.find(collection, query, projection={field: 1})
    return {str(row[field]) for row in rows}
