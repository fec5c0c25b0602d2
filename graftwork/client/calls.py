"""Every call of the REST API: what it sends and what it answers. Both clients offer exactly these."""

from graftwork.client.call import Call
from graftwork.client.call import ask
from graftwork.client.call import delete
from graftwork.client.call import given
from graftwork.client.call import new_key
from graftwork.client.call import path_of
from graftwork.contracts.events import Decision
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import PoolChecksView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import TreeView
from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork.contracts.rest_plans import ExtensionRequest
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.rest_reviews import ReviewAnswer
from graftwork.contracts.rest_reviews import ReviewList
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView

PREVIEW_SECONDS = 900.0
"""A preview is made while its caller waits: a workflow is written and run by models."""

CHECK_SECONDS = 120.0
"""Each pool is called two or three times, one call after the other, and a model that is just started takes its time."""


def submit(spec: JobSpec, *, idempotency_key: str | None = None) -> Call[JobView]:
    """Submit a job; submitting again with the same key and spec gives the same job."""
    return ask("POST", path_of("jobs"), JobView, spec, key=new_key(idempotency_key))


def validate(spec: JobSpec) -> Call[ValidationView]:
    """Estimate what a job would take, and spend nothing. Raises ``Invalid`` with every mistake."""
    return ask("POST", path_of("jobs:validate"), ValidationView, spec, repeatable=True)


def preview(spec: JobSpec, *, rows: int | None = None) -> Call[PreviewView]:
    """Make some rows of the job's first workflow and keep nothing. Takes as long as the models do: minutes."""
    params = given(rows=rows)
    return ask("POST", path_of("jobs:preview"), PreviewView, spec, params=params, timeout_seconds=PREVIEW_SECONDS)


def get(job_id: str) -> Call[JobView]:
    """Return a job as it is now."""
    return ask("GET", path_of("jobs", job_id), JobView)


def list_jobs(*, limit: int | None = None, cursor: str | None = None) -> Call[JobList]:
    """Return a page of jobs, newest first."""
    return ask("GET", path_of("jobs"), JobList, params=given(limit=limit, cursor=cursor))


def cancel(job_id: str) -> Call[JobView]:
    """Ask a job to stop; what it accepted so far is published."""
    return ask("POST", path_of("jobs", job_id, "cancel"), JobView, repeatable=True)


def extend(job_id: str, rows: int, *, idempotency_key: str | None = None) -> Call[JobView]:
    """Let an ended job's winner make ``rows`` more accepted rows, without a new search."""
    key = new_key(idempotency_key)
    return ask("POST", path_of("jobs", job_id, "extend"), JobView, ExtensionRequest(rows=rows), key=key)


def retry(job_id: str, *, idempotency_key: str | None = None) -> Call[JobView]:
    """Let a failed or cancelled job go on where it stopped."""
    return ask("POST", path_of("jobs", job_id, "retry"), JobView, key=new_key(idempotency_key))


def delete_job(job_id: str) -> Call[None]:
    """Delete an ended job with its datasets and everything that was made for it."""
    return delete(path_of("jobs", job_id))


def tree(job_id: str) -> Call[TreeView]:
    """Return the tree so far."""
    return ask("GET", path_of("jobs", job_id, "tree"), TreeView)


def node(job_id: str, node_id: str, *, samples: int | None = None) -> Call[NodeView]:
    """Return a node with its workflow, scores and the first of its samples."""
    return ask("GET", path_of("jobs", job_id, "nodes", node_id), NodeView, params=given(samples=samples))


def reviews(
    *, state: ReviewState | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[ReviewList]:
    """Return a page of all jobs' reviews, newest first; those in ``state``, or all."""
    return ask("GET", path_of("reviews"), ReviewList, params=given(state=state, limit=limit, cursor=cursor))


def job_reviews(job_id: str) -> Call[ReviewList]:
    """Return a job's reviews, newest first."""
    return ask("GET", path_of("jobs", job_id, "reviews"), ReviewList)


def review(job_id: str, review_id: str) -> Call[ReviewView]:
    """Return a review with its workflow and samples. One that an event just told of is waited for a little."""
    return ask("GET", path_of("jobs", job_id, "reviews", review_id), ReviewView, awaited=True)


def approve(job_id: str, review_id: str, *, idempotency_key: str | None = None) -> Call[ReviewView]:
    """Say that a job's first workflow is good enough: the search begins."""
    return _answer(job_id, review_id, ReviewAnswer(decision=Decision.APPROVE), idempotency_key)


def revise(job_id: str, review_id: str, feedback: str, *, idempotency_key: str | None = None) -> Call[ReviewView]:
    """Say shortly what to change about a job's first workflow."""
    return _answer(job_id, review_id, ReviewAnswer(decision=Decision.REVISE, feedback=feedback), idempotency_key)


def _answer(job_id: str, review_id: str, answer: ReviewAnswer, key: str | None) -> Call[ReviewView]:
    return ask("POST", path_of("jobs", job_id, "reviews", review_id), ReviewView, answer, key=new_key(key))


def datasets(*, limit: int | None = None, cursor: str | None = None) -> Call[DatasetList]:
    """Return a page of published datasets, newest first."""
    return ask("GET", path_of("datasets"), DatasetList, params=given(limit=limit, cursor=cursor))


def dataset(dataset_id: str) -> Call[DatasetView]:
    """Return a published dataset's description."""
    return ask("GET", path_of("datasets", dataset_id), DatasetView)


def delete_dataset(dataset_id: str) -> Call[None]:
    """Delete a dataset and its files."""
    return delete(path_of("datasets", dataset_id))


def pools() -> Call[PoolsView]:
    """Return what the model pools serve."""
    return ask("GET", path_of("pools"), PoolsView)


def check_pools() -> Call[PoolChecksView]:
    """Make a few tiny calls to each pool's default model: its latency, and whether it keeps to a schema. They cost."""
    return ask("POST", path_of("pools:check"), PoolChecksView, timeout_seconds=CHECK_SECONDS)


def add_webhook(webhook: WebhookRequest) -> Call[WebhookCreated]:
    """Let a URL be told of finished jobs and open reviews. The answer alone has the secret."""
    return ask("POST", path_of("webhooks"), WebhookCreated, webhook)


def webhooks() -> Call[WebhookList]:
    """Return the tenant's webhooks."""
    return ask("GET", path_of("webhooks"), WebhookList)


def remove_webhook(webhook_id: str) -> Call[None]:
    """Tell a URL nothing more."""
    return delete(path_of("webhooks", webhook_id))


def create_key(key: KeyRequest) -> Call[KeyCreated]:
    """Make an API key. The answer alone has it: only its digest is stored."""
    return ask("POST", path_of("admin", "keys"), KeyCreated, key)


def keys() -> Call[KeyList]:
    """Return all API keys, as far as they may be shown."""
    return ask("GET", path_of("admin", "keys"), KeyList)


def revoke_key(key_id: str) -> Call[None]:
    """Make an API key worthless."""
    return delete(path_of("admin", "keys", key_id))


def tenant(name: str) -> Call[TenantLimits]:
    """Return a tenant's limits."""
    return ask("GET", path_of("admin", "tenants", name), TenantLimits)


def set_tenant(name: str, limits: TenantLimits) -> Call[TenantLimits]:
    """Replace a tenant's limits by ``limits``: what they leave out is not limited."""
    return ask("PUT", path_of("admin", "tenants", name), TenantLimits, limits)
