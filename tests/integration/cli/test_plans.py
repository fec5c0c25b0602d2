"""Before a job and after it: estimates, previews, more rows, another try, deletion."""

import json
from pathlib import Path

import pytest

from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest_plans import Estimate
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from tests.integration.cli.conftest import Command
from tests.support.canned_gateway import job
from tests.support.canned_server import CannedServer

JOB_FILE = "name: fractions\ntask: Write word problems about fractions.\ncount: 20\nmodels:\n  judge:\n    pool: main\n"
REFUSED = Problem(
    type="urn:graftwork:problem:job_invalid",
    title="Bad",
    status=422,
    errors=(ProblemError(path="models.judge.pool", message="no pool of that name"),),
)
TOLD = ValidationView(
    estimate=Estimate(
        expected=Estimated(calls=410, tokens=1_200_000, cost_usd=3.1),
        by_purpose={"search": Estimated(calls=10, tokens=200_000, cost_usd=0.1)},
        by_role={"generator": Estimated(calls=400, tokens=1_000_000)},
        assumptions=("every row takes 2 calls",),
    ),
    warnings=("no budget is given",),
)
PREVIEW = PreviewView(
    workflow=Workflow(prompts={"draft": "About {{ fact }}."}, code="..."),
    samples=(
        SampleRow(sample_id="a", seed_index=0, seed={}, output={"prompt": "1/2 of 8?"}),
        SampleRow(sample_id="b", seed_index=1, seed={}, reason="crashed"),
    ),
    spent=SpendReport(total=Usage(calls=3, prompt_tokens=900, cost_usd=0.02)),
)


@pytest.fixture
def server(server: CannedServer, tmp_path: Path) -> CannedServer:
    """A server with one pool, and a job file for it."""
    (tmp_path / "job.yaml").write_text(JOB_FILE)
    server["GET /v1/pools"] = PoolsView(pools=(PoolView(pool="optimizer", available=True),))
    return server


def test_validate_tells_what_a_job_would_take(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/jobs:validate"] = TOLD

    ended = graftwork("validate", "job.yaml")

    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "job.yaml: fine: 20 rows, at most 30 iterations",
        "expected        410 calls, 1.2M tokens, $3.10",
        "at most         no limit: give a budget",
        "  search        10 calls, 200.0k tokens, $0.10",
        "  as generator  400 calls, 1.0M tokens, cost unknown",
        "assumed: every row takes 2 calls",
        "warning: no budget is given",
    ]
    told = json.loads(graftwork("validate", "job.yaml", "--json").stdout)
    assert ValidationView.model_validate(told["server"]) == TOLD


def test_validate_offline_asks_nobody(graftwork: Command, server: CannedServer) -> None:
    assert graftwork("validate", "job.yaml", "--offline").status == 0
    assert server.asked == []


def test_validate_without_an_answer_says_why_there_is_no_estimate(graftwork: Command) -> None:
    ended = graftwork("validate", "job.yaml", "--url", "http://127.0.0.1:1")

    assert (ended.status, ended.stdout) == (0, "job.yaml: fine: 20 rows, at most 30 iterations\n")
    assert ended.stderr.startswith("no estimate: no Graftwork server answers at http://127.0.0.1:1")


@pytest.mark.parametrize("command", [("validate", "job.yaml"), ("preview", "job.yaml")])
def test_what_the_server_refuses_is_told_with_the_lines_of_the_file(
    graftwork: Command, server: CannedServer, command: tuple[str, ...]
) -> None:
    server["POST /v1/jobs:validate"] = REFUSED
    server["POST /v1/jobs:preview?rows=10"] = REFUSED

    ended = graftwork(*command)

    assert (ended.status, ended.stderr) == (2, "job.yaml:6: models.judge.pool: no pool of that name\n")


def test_validate_json_lists_the_servers_mistakes_too(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/jobs:validate"] = REFUSED

    told = json.loads(graftwork("validate", "job.yaml", "--json").stdout)

    assert told["valid"] is False
    assert told["mistakes"][0]["line"] == 6


def test_a_preview_shows_rows_of_the_first_workflow(graftwork: Command, server: CannedServer) -> None:
    server["POST /v1/jobs:preview?rows=2"] = PREVIEW

    ended = graftwork("preview", "job.yaml", "--rows", "2")

    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "Prompt 'draft'",
        "    About {{ fact }}.",
        "",
        "Row 1",
        "    prompt: 1/2 of 8?",
        "",
        "Row 2: failed",
        "    crashed",
        "",
        "1 of 2 rows are good; spent 3 calls, 900 tokens, $0.02; nothing was kept",
    ]
    assert PreviewView.model_validate_json(graftwork("preview", "job.yaml", "--rows", "2", "--json").stdout) == PREVIEW


def test_a_preview_without_a_good_row_is_exit_status_1(graftwork: Command, server: CannedServer) -> None:
    none = PREVIEW.model_copy(update={"samples": PREVIEW.samples[1:], "problem": "every sample crashed"})
    server["POST /v1/jobs:preview?rows=10"] = none

    ended = graftwork("preview", "job.yaml")

    assert (ended.status, ended.stderr) == (1, "graftwork: no good row: every sample crashed\n")


def test_an_ended_job_is_extended_or_tried_again(graftwork: Command, server: CannedServer) -> None:
    server["GET /v1/jobs?limit=1"] = JobList(items=(job(),))
    server["POST /v1/jobs/job-1/extend"] = job()
    server["POST /v1/jobs/job-1/retry"] = job()

    extended = graftwork("jobs", "extend", "--rows", "50")
    retried = graftwork("jobs", "retry", "job-1", "--json")

    assert extended.stdout == "Job job-1 makes 50 rows more: `graftwork jobs watch job-1` shows it\n"
    assert json.loads(server.bodies[server.asked.index("POST /v1/jobs/job-1/extend")]) == {"rows": 50}
    assert JobView.model_validate_json(retried.stdout) == job()


def test_jobs_and_datasets_are_deleted_by_name(graftwork: Command, server: CannedServer) -> None:
    server["DELETE /v1/jobs/job-1"] = None
    server["DELETE /v1/datasets/ds-1"] = None

    assert graftwork("jobs", "delete", "job-1").stdout == "Job job-1 is deleted\n"
    assert graftwork("datasets", "delete", "ds-1").stdout == "Dataset ds-1 is deleted\n"
    assert graftwork("jobs", "delete").status == 2
