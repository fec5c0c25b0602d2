"""What is known of a dataset when it is published; the card and the lineage file tell it."""

from dataclasses import dataclass

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import Lineage
from graftwork.contracts.ids import digest
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.snapshots import DatasetFile
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import Workflow
from graftwork_curator.columns import Origin

ROOT = "datasets"


@dataclass(frozen=True)
class Publication:
    """A dataset about to be published. ``workflow``: the winner's, None if the job ended without one."""

    dataset_id: str
    job_id: str
    spec: JobSpec
    spec_ref: BlobRef
    counts: ProductionCounts
    complete: bool
    lineage: Lineage
    spent: SpendReport
    workflow: Workflow | None = None
    space: SeedSpace | None = None

    @property
    def origin(self) -> Origin:
        """What all rows share."""
        workflow_sha256 = None if self.workflow is None else self.workflow.sha256
        return Origin(self.job_id, self.lineage.winner_node_id, workflow_sha256)

    @property
    def location(self) -> str:
        """Key prefix of the dataset's files in the blob store."""
        return f"{ROOT}/{self.dataset_id}"


def dataset_id_of(spec: JobSpec, request_id: str) -> str:
    """Readable, safe in paths and URLs, and the same when the request is worked on again."""
    return f"{spec.name}-{digest(request_id)[:12]}"


def digest_of_files(files: tuple[DatasetFile, ...]) -> str:
    """Digest over the paths and digests of a dataset's files, in any order."""
    return digest(sorted([file.path, file.blob.sha256] for file in files))
