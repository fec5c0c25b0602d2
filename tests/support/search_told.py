"""What search would tell the gateway, and what the curator would publish."""

from datetime import UTC
from datetime import datetime

from graftwork.contracts.blobs import BlobRef
from graftwork.contracts.events import JobFinished
from graftwork.contracts.events import ReviewRequested
from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import OpenReview
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from graftwork.kit.blobs import Blobs

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BLOB = BlobRef(key="x", sha256="0" * 64, size_bytes=1)


def snapshot(job_id: str, version: int, state: JobState = JobState.RUNNING, **more: object) -> JobSnapshot:
    """A job as search tells it."""
    phase = JobPhase.ENDED if state.terminal else JobPhase.SEARCHING
    told = {"job_id": job_id, "version": version, "state": state, "phase": phase, "updated_at": NOON}
    return JobSnapshot.model_validate({**told, **more})


def advanced(job_id: str, version: int, *, node: NodeSnapshot | None = None, **more: object) -> SearchAdvanced:
    """Search tells a version of a job."""
    return SearchAdvanced(
        job_id=job_id,
        version=version,
        what="node.scored",
        message=f"version {version}",
        snapshot=snapshot(job_id, version, JobState.RUNNING, iteration=version, **more),
        node=node,
    )


def opened(job_id: str, number: int = 1, **more: object) -> OpenReview:
    """What the snapshot of a waiting job tells of its review."""
    told = {"review_id": f"{job_id}:review:{number}", "node_id": f"{job_id}:node:0", "round": number, "rounds": 3}
    return OpenReview.model_validate({**told, "opened_at": NOON, **more})


async def review_requested(blobs: Blobs, review: OpenReview, workflow: Workflow, samples: int = 5) -> ReviewRequested:
    """Search asks a person."""
    job_id = review.review_id.partition(":")[0]
    rows = [
        SampleRow(sample_id=f"s{index}", seed_index=index, seed={"topic": "halves"}, output={"prompt": "p"})
        for index in range(samples)
    ]
    payloads = {
        "workflow": await blobs.put_json(workflow, f"{job_id}/workflows"),
        "samples": await blobs.put_rows(rows, f"{job_id}/samples"),
    }
    return ReviewRequested.model_validate({**review.model_dump(), "job_id": job_id, "samples_ok": samples, **payloads})


def node(job_id: str, number: int, **more: object) -> NodeSnapshot:
    """A node of the tree."""
    told = {"node_id": f"{job_id}:node:{number}", "round": number, "state": NodeState.SCORED, "reward": 3.0}
    return NodeSnapshot.model_validate({**told, **more})


def finished(
    job_id: str,
    version: int,
    state: JobState = JobState.SUCCEEDED,
    dataset: DatasetSummary | None = None,
    **more: object,
) -> JobFinished:
    """Search tells the end of a job."""
    dataset_id = dataset and dataset.dataset_id
    told = snapshot(job_id, version, state, dataset_id=dataset_id, **more)
    return JobFinished(job_id=job_id, snapshot=told, spent=SpendReport(), dataset=dataset)


async def publish(
    blobs: Blobs, job_id: str, files: dict[str, bytes], *, at: datetime = NOON, run: int = 0
) -> DatasetSummary:
    """A dataset as the curator writes it; each run of a job has one of its own."""
    dataset_id = f"fractions-{job_id}" + (f"-{run}" if run else "")
    stored = [
        {"path": path, "blob": (await blobs.put_named(f"datasets/{dataset_id}/{path}", data)).model_dump()}
        for path, data in files.items()
    ]
    return DatasetSummary.model_validate(
        {
            "dataset_id": dataset_id,
            "job_id": job_id,
            "name": "fractions",
            "location": f"datasets/{dataset_id}",
            "rows": 3,
            "counts": ProductionCounts(wanted=3, attempted=3, accepted=3),
            "complete": True,
            "files": stored,
            "sha256": "0" * 64,
            "published_at": at,
        }
    )
