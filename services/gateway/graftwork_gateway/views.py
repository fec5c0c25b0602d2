"""Rows of the ledger -> answers of the API. Pure."""

from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import PoolModelView
from graftwork.contracts.rest import PoolView
from graftwork.contracts.rest_admin import WebhookView
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import DatasetSummary
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.models.plane import PoolDescription
from graftwork_gateway.documents import JobRow
from graftwork_gateway.documents import ReviewRow
from graftwork_gateway.documents import WebhookRow

API = "/v1"


def job_path(job_id: str) -> str:
    """Path of a job."""
    return f"{API}/jobs/{job_id}"


def dataset_path(dataset_id: str) -> str:
    """Path of a dataset."""
    return f"{API}/datasets/{dataset_id}"


def job_view(row: JobRow) -> JobView:
    """A job as clients see it."""
    told = row.snapshot
    asked = JobView(
        id=row.id,
        name=row.name,
        task=row.task,
        count=row.count,
        strategy=row.strategy,
        state=JobState.QUEUED,
        cancel_requested=row.cancel_requested_at is not None,
        created_at=row.created_at,
        updated_at=row.created_at,
        links=_job_links(row),
    )
    if told is None:
        return asked
    if row.about_to_go_on:
        return asked.model_copy(update={"snapshot": told, "updated_at": told.updated_at})
    news = {name: getattr(told, name) for name in ("state", "phase", "reason", "updated_at")}
    return asked.model_copy(update={**news, "dataset_id": _dataset_id(row, told), "snapshot": told})


def _dataset_id(row: JobRow, told: JobSnapshot) -> str | None:
    """The last dataset, as told; of those that are left where that one was deleted."""
    if told.dataset_id not in row.deleted_datasets:
        return told.dataset_id
    return row.datasets[-1] if row.datasets else None


def _job_links(row: JobRow) -> dict[str, str]:
    path = job_path(row.id)
    links = {"self": path, "events": f"{path}/events", "tree": f"{path}/tree", "cancel": f"{path}/cancel"}
    return {**links, "dataset": dataset_path(row.datasets[-1])} if row.datasets else links


def dataset_view(summary: DatasetSummary) -> DatasetView:
    """A dataset as clients see it."""
    path = dataset_path(summary.dataset_id)
    files = tuple(
        DatasetFileView(path=file.path, size_bytes=file.blob.size_bytes, sha256=file.blob.sha256, rows=file.blob.rows)
        for file in summary.files
    )
    return DatasetView(
        id=summary.dataset_id,
        job_id=summary.job_id,
        name=summary.name,
        rows=summary.rows,
        complete=summary.complete,
        counts=summary.counts,
        files=files,
        sha256=summary.sha256,
        location=summary.location,
        published_at=summary.published_at,
        links={"self": path, "download": f"{path}/download", "job": job_path(summary.job_id)},
    )


def pool_view(description: PoolDescription) -> PoolView:
    """A pool that answered."""
    return PoolView(
        pool=description.pool,
        available=True,
        default_model=description.default_model,
        models=tuple(PoolModelView.model_validate(model.model_dump()) for model in description.models),
        profile=description.profile,
        writes_code=description.writes_code,
    )


def review_path(job_id: str, review_id: str) -> str:
    """Path of a review."""
    return f"{job_path(job_id)}/reviews/{review_id}"


def review_view(row: ReviewRow, job_name: str, task: str) -> ReviewView:
    """A review as lists show it."""
    fields = row.model_dump(exclude={"tenant", "workflow", "samples"})
    links = {"self": review_path(row.job_id, row.id), "job": job_path(row.job_id)}
    return ReviewView.model_validate({**fields, "job_name": job_name, "task": task, "links": links})


def webhook_view(row: WebhookRow) -> WebhookView:
    """A webhook, without its secret."""
    return WebhookView.model_validate(row.model_dump(exclude={"tenant", "secret"}))
