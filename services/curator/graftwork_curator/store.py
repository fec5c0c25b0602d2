"""What the curator keeps in its ledger: the judged rounds of every job, and the published datasets."""

from collections.abc import Mapping
from collections.abc import Sequence

from pymongo import ASCENDING
from pymongo import IndexModel

from graftwork.contracts.base import Contract
from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.ids import derived_id
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork.kit.tasks import Commit
from graftwork_curator.acceptance import Tally
from graftwork_curator.errors import RoundConflict

ROUNDS = "rounds"
DATASETS = "datasets"
INDEXES: Mapping[str, Sequence[IndexModel]] = {
    ROUNDS: [IndexModel([("job_id", ASCENDING), ("sequence", ASCENDING)])],
    DATASETS: [IndexModel([("job_id", ASCENDING)])],
}


class Round(Contract):
    """A judged production round. ``sequence`` counts the rounds of a job as they were committed.

    ``candidates_sha256`` recognises the candidates when search, after silence, asks for them again.
    """

    job_id: str
    sequence: int
    request_id: str
    candidates_sha256: str
    tally: Tally
    accepted: tuple[BlobRef, ...]
    discarded: tuple[BlobRef, ...]


async def rounds_of(reader: Reader, job_id: str) -> list[Round]:
    """Rounds of a job in the order they were committed."""
    documents = await reader.find(ROUNDS, {"job_id": job_id}, sort=[("sequence", ASCENDING)])
    return [Round.model_validate(document) for document in documents]


async def locations_of(reader: Reader, job_id: str) -> list[str]:
    """Where the files of a job's datasets lie in the blob store."""
    return [str(document["location"]) for document in await reader.find(DATASETS, {"job_id": job_id})]


def record_round(commit: Commit, judged: Round) -> None:
    """Write a round with the result. The commit raises ``RoundConflict`` if its place was taken meanwhile."""
    document = {"_id": derived_id(judged.job_id, "round", judged.sequence), **judged.model_dump(mode="json")}

    async def step(tx: Transaction) -> None:
        if not await tx.insert_new(ROUNDS, document):
            raise RoundConflict(f"round {judged.sequence} of {judged.job_id} was judged by another task")

    commit.then(step)


def record_dataset(commit: Commit, published: DatasetSummary) -> None:
    """Write the manifest of a dataset; publishing it again replaces it."""
    document = published.model_dump(mode="json")
    commit.update(DATASETS, {"_id": published.dataset_id}, {"$set": document}, upsert=True)
