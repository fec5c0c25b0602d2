"""Which payloads are ours, and what they belong to; held to what the services write."""

from datetime import UTC
from datetime import datetime

import pytest

from graftwork.admin.blob_groups import dataset_of
from graftwork.admin.blob_groups import group_of
from graftwork.admin.blob_groups import is_publication_of
from graftwork.contracts.ids import derived_id
from graftwork.contracts.jobs import JobSpec
from graftwork_curator.publication import dataset_id_of
from graftwork_curator.publishing import CARD
from graftwork_curator.publishing import JOB
from graftwork_curator.publishing import LINEAGE
from graftwork_curator.publishing import rejected_path
from graftwork_curator.shards import shard_path
from graftwork_gateway.job_ids import new_job_id

JOB_ID = new_job_id(datetime(2026, 1, 2, tzinfo=UTC), bytes)
REQUEST = derived_id(JOB_ID, "dataset", 0)
DATASET = dataset_id_of(JobSpec(name="my-rows_2", task="rows about nothing", count=1), REQUEST)
SHA = "0" * 64


@pytest.mark.parametrize(
    "kind", ["spec", "seeds", "workflows", "samples", "scores", "metrics", "accepted", "discarded"]
)
def test_a_payload_of_a_job_belongs_to_it(kind: str) -> None:
    assert group_of(f"{JOB_ID}/{kind}/{SHA}.jsonl") == JOB_ID


@pytest.mark.parametrize(
    "path", [CARD, JOB, LINEAGE, rejected_path(0, 1), rejected_path(3, 12), shard_path(0, 1), shard_path(11, 100_000)]
)
def test_a_file_of_a_dataset_belongs_to_it(path: str) -> None:
    prefix = group_of(f"datasets/{DATASET}/{path}")

    assert prefix == f"datasets/{DATASET}"
    assert dataset_of(prefix) == DATASET


@pytest.mark.parametrize(
    "key",
    [
        "health/ping",
        JOB_ID,
        f"{JOB_ID}/notes.txt",
        f"{JOB_ID}/samples/mine.jsonl",
        f"{JOB_ID}/samples/{SHA}.jsonl/more",
        f"x/{JOB_ID}/samples/{SHA}.jsonl",
        f"job-1/samples/{SHA}.jsonl",
        f"datasets/{DATASET}/extra.csv",
        f"datasets/mine/{CARD}",
        f"datasets/{CARD}",
        f"Datasets/{DATASET}/{CARD}",
    ],
)
def test_what_is_named_otherwise_is_nobodys_business(key: str) -> None:
    assert group_of(key) is None


def test_a_dataset_tells_which_request_it_answers() -> None:
    assert is_publication_of(DATASET, REQUEST)
    assert not is_publication_of(DATASET, derived_id(JOB_ID, "dataset", 1))
    assert dataset_of(JOB_ID) is None
