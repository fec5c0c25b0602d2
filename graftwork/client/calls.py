"""The REST API as data: what each call sends and what it answers, without any I/O.

The synchronous and the asynchronous client send the same calls.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Generic
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.client.errors import ApiError
from graftwork.client.errors import NotUnderstood
from graftwork.client.errors import error_of
from graftwork.client.errors import problem_of
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import TreeView

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the model of its answer."""

    method: str
    path: str
    answer: type[T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    def read(self, response: httpx.Response) -> T:
        """Return the answer of a response whose body was read. Raises ``ApiError``, ``NotUnderstood``."""
        raise_for_problem(response)
        try:
            return self.answer.model_validate_json(response.content)
        except ValidationError as error:
            raise NotUnderstood(str(response.url), response.text) from error


def raise_for_problem(response: httpx.Response) -> None:
    """Raise the typed error of a response that is one; its body must have been read. Raises ``ApiError``."""
    if response.is_success:
        return
    raise _error(response)


def _error(response: httpx.Response) -> ApiError:
    problem = problem_of(response.status_code, response.text)
    if response.headers.get("content-type", "").startswith(PROBLEM_MEDIA_TYPE):
        with suppress(ValidationError):  # a proxy's idea of a problem: its text is all we have
            problem = Problem.model_validate_json(response.content)
    return error_of(problem, retry_after_seconds=_seconds(response.headers.get("retry-after")))


def _seconds(header: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is not used by the gateway."""
    try:
        return float(header) if header else None
    except ValueError:
        return None


def _page(limit: int | None, cursor: str | None) -> dict[str, Any]:
    return {name: value for name, value in (("limit", limit), ("cursor", cursor)) if value is not None}


def job_path(job_id: str, *rest: str) -> str:
    """Path of a job, or of something below it."""
    return "/".join(["/v1/jobs", quote(job_id, safe=""), *(quote(part, safe="") for part in rest)])


def dataset_path(dataset_id: str, *rest: str) -> str:
    """Path of a dataset, or of something below it."""
    return "/".join(["/v1/datasets", quote(dataset_id, safe=""), *rest])


def submit(spec: JobSpec, idempotency_key: str | None) -> Call[JobView]:
    """Submit a job; only what was written is sent, so that the server's defaults hold."""
    return Call(
        "POST",
        "/v1/jobs",
        JobView,
        headers={"Content-Type": "application/json", IDEMPOTENCY_HEADER: idempotency_key or uuid4().hex},
        content=spec.model_dump_json(exclude_unset=True).encode(),
    )


def get(job_id: str) -> Call[JobView]:
    """One job."""
    return Call("GET", job_path(job_id), JobView)


def list_jobs(limit: int | None, cursor: str | None) -> Call[JobList]:
    """A page of jobs."""
    return Call("GET", "/v1/jobs", JobList, params=_page(limit, cursor))


def cancel(job_id: str) -> Call[JobView]:
    """Ask a job to stop."""
    return Call("POST", job_path(job_id, "cancel"), JobView)


def tree(job_id: str) -> Call[TreeView]:
    """The tree so far."""
    return Call("GET", job_path(job_id, "tree"), TreeView)


def node(job_id: str, node_id: str, samples: int | None) -> Call[NodeView]:
    """A node with what its references point to."""
    params = {} if samples is None else {"samples": samples}
    return Call("GET", job_path(job_id, "nodes", node_id), NodeView, params=params)


def list_datasets(limit: int | None, cursor: str | None) -> Call[DatasetList]:
    """A page of datasets."""
    return Call("GET", "/v1/datasets", DatasetList, params=_page(limit, cursor))


def dataset(dataset_id: str) -> Call[DatasetView]:
    """One dataset."""
    return Call("GET", dataset_path(dataset_id), DatasetView)


def pools() -> Call[PoolsView]:
    """What the model pools serve."""
    return Call("GET", "/v1/pools", PoolsView)
