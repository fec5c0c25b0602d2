"""Which payloads of a blob store are ours, and which live and die together. Pure.

All payloads of a job lie under its id and go with it; all files of a dataset lie in its folder, and go with the
dataset. What is named otherwise is nobody's business here.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from graftwork.contracts.ids import digest
from graftwork.kit.blobs import BlobEntry

DATASETS = "datasets"
_DIGITS = 12
_OF_JOB = re.compile(r"(job-[0-9a-f]{32})/[a-z_]+/[0-9a-f]{64}\.[a-z]+")
_OF_DATASET = re.compile(
    rf"({DATASETS}/[^/]+-[0-9a-f]{{{_DIGITS}}})/"
    r"(?:README\.md|job\.yaml|lineage\.json|rejected(?:-\d+-of-\d+)?\.jsonl|data/[^/]+\.parquet)"
)


@dataclass
class Group:
    """Payloads that live and die together, under one ``prefix``."""

    prefix: str
    files: int
    size_bytes: int
    newest: datetime

    @classmethod
    def of(cls, prefix: str, entry: BlobEntry) -> "Group":
        """The group of a first payload."""
        return cls(prefix, 1, entry.size_bytes, entry.modified_at)

    def add(self, entry: BlobEntry) -> None:
        """Count another."""
        self.files += 1
        self.size_bytes += entry.size_bytes
        self.newest = max(self.newest, entry.modified_at)


def group_of(key: str) -> str | None:
    """Prefix of the group that a payload belongs to; None where it is not ours."""
    found = _OF_JOB.fullmatch(key) or _OF_DATASET.fullmatch(key)
    return None if found is None else found[1]


def dataset_of(prefix: str) -> str | None:
    """Dataset that lies under ``prefix``; None where it is a job's."""
    return prefix.removeprefix(f"{DATASETS}/") if prefix.startswith(f"{DATASETS}/") else None


def is_publication_of(dataset_id: str, request_id: str) -> bool:
    """Whether the dataset is what this request asked for: the end of its id is made of the request's."""
    return dataset_id.endswith(f"-{digest(request_id)[:_DIGITS]}")
