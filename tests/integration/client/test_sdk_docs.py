"""The blocks of ``docs/sdk.md``, against answers that a server would give."""

import hashlib
import io
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest import TreeView
from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.contracts.rest_plans import Estimate
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import OpenReview
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from tests.support.canned_gateway import NOW
from tests.support.canned_gateway import frames
from tests.support.canned_gateway import job
from tests.support.canned_server import CannedServer
from tests.support.documents import run_document

SDK = Path(__file__).parents[3] / "docs" / "sdk.md"
SHARD = "data/train-00000-of-00001.parquet"
NODE = NodeSnapshot(node_id="n0", round=0, state=NodeState.SCORED, reward=3.5)
SAMPLE = SampleRow(sample_id="s", seed_index=0, seed={}, output={"prompt": "1/2 of 8?", "completion": "4"})
WORKFLOW = Workflow(prompts={"draft": "About {{ fact }}."}, code="...")


def snapshot(version: int, state: JobState, review: OpenReview | None = None) -> JobSnapshot:
    return JobSnapshot(
        job_id="job-1", version=version, state=state, phase=JobPhase.SEARCHING, winner_node_id="n0", review=review,
        updated_at=NOW,
    )  # fmt: skip


def event(version: int, what: str, state: JobState, review: OpenReview | None = None) -> JobEvent:
    return JobEvent(version=version, what=what, message=what, snapshot=snapshot(version, state, review))


def asked(number: int) -> OpenReview:
    return OpenReview(review_id=f"r{number}", node_id="n0", round=number, rounds=3, opened_at=NOW)


def review(number: int, state: ReviewState) -> ReviewView:
    return ReviewView(
        id=f"r{number}", job_id="job-1", job_name="fractions", task="t", state=state, round=number, rounds=3,
        node_id="n0", samples_ok=1, opened_at=NOW, workflow=WORKFLOW, samples=(SAMPLE,),
    )  # fmt: skip


def ended(version: int, dataset_id: str) -> JobView:
    told = snapshot(version, JobState.SUCCEEDED)
    return job().model_copy(update={"state": told.state, "snapshot": told, "dataset_id": dataset_id})


def shard() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([SAMPLE.output]), out)
    return out.getvalue()


def dataset(dataset_id: str, rows: int, content: bytes) -> DatasetView:
    file = DatasetFileView(path=SHARD, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    return DatasetView(
        id=dataset_id, job_id="job-1", name="fractions", rows=rows, complete=True, counts=ProductionCounts(),
        files=(file,), sha256="0" * 64, location="job-1/datasets", published_at=NOW,
    )  # fmt: skip


def problem(status: int, *errors: ProblemError) -> Problem:
    return Problem(type="urn:graftwork:problem:test", title="Trouble", status=status, errors=errors)


def answers() -> dict[str, Any]:
    content, path = shard(), SHARD.replace("/", "%2F")
    both = (WebhookEvent.JOB_FINISHED, WebhookEvent.REVIEW_REQUESTED)
    waiting = JobState.WAITING_FOR_REVIEW
    return {
        "POST /v1/jobs:validate": [
            ValidationView(estimate=Estimate(expected=Estimated(calls=410, tokens=120_000))),
            problem(422, ProblemError(path="name", message="String should match pattern")),
        ],
        "POST /v1/jobs:preview?rows=2": PreviewView(workflow=WORKFLOW, samples=(SAMPLE,), spent=SpendReport()),
        "POST /v1/jobs": job(),
        "GET /v1/jobs/job-1/events": [
            frames(
                event(1, "review.requested", waiting, asked(1)),
                event(2, "review.answered", JobState.RUNNING),
                event(3, "review.requested", waiting, asked(2)),
                event(4, LAST_EVENT, JobState.SUCCEEDED),
            ),
            frames(event(5, "job.resumed", JobState.RUNNING), event(6, LAST_EVENT, JobState.SUCCEEDED)),
        ],
        "GET /v1/jobs/job-1/reviews/r1": review(1, ReviewState.OPEN),
        "POST /v1/jobs/job-1/reviews/r1": review(1, ReviewState.REVISED),
        "GET /v1/jobs/job-1/reviews/r2": review(2, ReviewState.OPEN),
        "POST /v1/jobs/job-1/reviews/r2": review(2, ReviewState.APPROVED),
        "GET /v1/jobs/job-1": [ended(4, "ds-1"), ended(6, "ds-2"), problem(404)],
        "GET /v1/jobs/job-1/tree": TreeView(job=job(), nodes=(NODE,)),
        "GET /v1/jobs/job-1/nodes/n0?samples=3": NodeView(node=NODE, workflow=WORKFLOW, why="the root"),
        "GET /v1/datasets/ds-1": dataset("ds-1", 6, content),
        "GET /v1/datasets/ds-2": dataset("ds-2", 9, content),
        f"GET /v1/datasets/ds-1/download?path={path}": content,
        "POST /v1/jobs/job-1/extend": job(),
        "DELETE /v1/jobs/job-1": None,
        "GET /v1/jobs?limit=20": JobList(items=(job(),), next_cursor="next"),
        "GET /v1/jobs?limit=20&cursor=next": JobList(items=(job("job-0"),)),
        "POST /v1/jobs/job-1/cancel": job(),
        "POST /v1/admin/keys": KeyCreated(
            id="k1", tenant="lessons", name="ada", admin=False, hint="gw_ab", created_at=NOW, key="gw_abcdef"
        ),
        "PUT /v1/admin/tenants/lessons": TenantLimits(open_jobs=3, retention_days=30),
        "DELETE /v1/admin/keys/k1": None,
        "POST /v1/webhooks": WebhookCreated(
            id="w1", url="https://hooks.example.com/graftwork", events=both, created_at=NOW, secret="whsec_x"
        ),
        "DELETE /v1/webhooks/w1": None,
    }


def test_every_block_of_the_sdks_page_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GRAFTWORK_API_KEY", "gw_key")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "arrow")
    with CannedServer.running() as server:
        monkeypatch.setenv("GRAFTWORK_URL", server.url)
        given = answers()
        for route, answer in given.items():
            server[route] = answer

        run_document(SDK)

        assert set(server.asked) == set(given)
    assert capsys.readouterr().out.splitlines() == [
        "about 410 calls, 120000 tokens",
        "a price is unknown: nobody guesses",
        "name: String should match pattern",
        "{'prompt': '1/2 of 8?', 'completion': '4'}",
        "1: searching: review.requested",
        "[{'prompt': '1/2 of 8?', 'completion': '4'}]",
        "2: searching: review.answered",
        "3: searching: review.requested",
        "[{'prompt': '1/2 of 8?', 'completion': '4'}]",
        "4: searching: job.finished",
        "succeeded ds-1",
        "0 scored 3.5 None",
        "{'draft': 'About {{ fact }}.'}",
        "the root",
        "6 ['data/train-00000-of-00001.parquet']",
        "1/2 of 8? 1",
        "job.resumed",
        "job.finished",
        "9",
        "gone",
        "['fractions', 'fractions']",
        "gw_abcdef",
        "whsec_x",
    ]
