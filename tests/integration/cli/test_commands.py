import hashlib
import json
import subprocess
import sys
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graftwork.cli.main import COMMANDS
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.jobs import Profile
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import PoolView
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError
from graftwork.contracts.rest import TreeView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow
from tests.integration.cli.conftest import Command
from tests.support.canned_gateway import frames
from tests.support.canned_server import CannedServer

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
JOB_FILE = (
    "name: fractions\ntask: Write word problems about fractions.\ncount: 20\nmodels:\n  optimizer:\n    pool: main\n"
)
CONTENT = b"PAR1"


def snapshot(state: JobState = JobState.SUCCEEDED, **fields: Any) -> JobSnapshot:
    told: dict[str, Any] = {
        "version": 3,
        "phase": JobPhase.ENDED,
        "iteration": 4,
        "iterations": 12,
        "best_node_id": "n1",
        "best_reward": 3.5,
        "winner_node_id": "n1",
        "production": ProductionCounts(wanted=20, attempted=25, accepted=20, rejected={"duplicate": 5}),
        "spent": SpendReport(total=Usage(calls=40, prompt_tokens=9000), by_pool={"main": Usage(calls=40)}),
        "dataset_id": "fractions-1",
        "updated_at": NOW,
        **fields,
    }
    return JobSnapshot(job_id="job-1", state=state, **told)


def job(state: JobState = JobState.SUCCEEDED, **fields: Any) -> JobView:
    told: dict[str, Any] = {"phase": JobPhase.ENDED, "dataset_id": "fractions-1", **fields}
    return JobView(
        id="job-1",
        name="fractions",
        task="Write word problems about fractions.",
        count=20,
        strategy="autosynth",
        state=state,
        snapshot=snapshot(state, dataset_id=told["dataset_id"]),
        created_at=NOW,
        updated_at=NOW,
        **told,
    )


def nodes() -> tuple[NodeSnapshot, ...]:
    root = NodeSnapshot(node_id="n0", round=0, state=NodeState.SCORED, reward=3.0)
    child = NodeSnapshot(
        node_id="n1", parent_id="n0", round=1, state=NodeState.SCORED, reward=3.5, modification="one example"
    )
    return root, child


def dataset() -> DatasetView:
    file = DatasetFileView(path="data/train.parquet", size_bytes=4, sha256=hashlib.sha256(CONTENT).hexdigest())
    return DatasetView(
        id="fractions-1",
        job_id="job-1",
        name="fractions",
        rows=20,
        complete=True,
        counts=ProductionCounts(wanted=20, attempted=20, accepted=20),
        files=(file,),
        sha256="0" * 64,
        location="datasets/fractions-1",
        published_at=NOW,
    )


def finished_events() -> bytes:
    running = snapshot(JobState.RUNNING, phase=JobPhase.SEARCHING, winner_node_id=None, dataset_id=None)
    return frames(
        JobEvent(version=1, what="node.scored", message="iteration 1: reward 3.50", snapshot=running, node=nodes()[1]),
        JobEvent(version=2, what=LAST_EVENT, message="published 20 rows", snapshot=snapshot()),
    )


@pytest.fixture
def job_file(tmp_path: Path) -> str:
    (tmp_path / "job.yaml").write_text(JOB_FILE)
    return "job.yaml"


@pytest.fixture
def whole(server: CannedServer) -> CannedServer:
    """A server on which a job succeeds."""
    workflow = Workflow(prompts={"draft": "Write about {{ topic }}.\n"}, code="async def workflow(ctx, seed): ...")
    rows = [SampleRow(sample_id=f"s{n}", seed_index=n, seed={}, output={"prompt": f"p{n}", "n": n}) for n in range(4)]
    failed = SampleRow(sample_id="s", seed_index=9, seed={}, reason="crashed")
    server["GET /v1/pools"] = PoolsView(pools=(PoolView(pool="main", available=True),))
    server["POST /v1/jobs"] = job(JobState.QUEUED, dataset_id=None)
    server["GET /v1/jobs/job-1"] = job()
    server["GET /v1/jobs/job-1/events"] = finished_events()
    server["GET /v1/jobs/job-1/tree"] = TreeView(job=job(), nodes=nodes())
    server["GET /v1/jobs/job-1/nodes/n1?samples=20"] = NodeView(
        node=nodes()[1], workflow=workflow, samples=(failed, *rows)
    )
    server["GET /v1/datasets/fractions-1"] = dataset()
    server["GET /v1/datasets/fractions-1/download?path=data%2Ftrain.parquet"] = CONTENT
    return server


def test_run_goes_from_a_job_file_to_a_dataset_on_disk(
    graftwork: Command, whole: CannedServer, job_file: str, tmp_path: Path
) -> None:
    ended = graftwork("run", job_file)

    assert (ended.status, ended.stderr) == (0, "")
    *steps, last = ended.stdout.splitlines()
    said = [line.partition(" s  ")[2] for line in steps]
    place = tmp_path / "datasets" / "fractions-1"
    assert said == [
        "Submitted job job-1: 20 rows, at most 30 iterations",
        "searching: iteration 1: reward 3.50 (iteration 4/12, best 3.50, rows 20/20, tokens 9.0k)",
        "succeeded: published 20 rows (iteration 4/12, best 3.50, rows 20/20, tokens 9.0k)",
        "Best reward 3.50; 40 calls, 9.0k tokens",
        f"Dataset fractions-1: 20 rows in {place}",
    ]
    assert last == str(place)
    assert (place / "data" / "train.parquet").read_bytes() == CONTENT
    assert whole.headers[0]["Authorization"] == "Bearer gw_key"


def test_run_shows_the_tree_the_prompts_and_three_good_samples(
    graftwork: Command, whole: CannedServer, job_file: str
) -> None:
    shown = graftwork("run", job_file, "--show").stdout

    assert whole.asked
    assert "    └── node 1  R 3.50  ★ winner  one example\n" in shown
    assert "Prompt 'draft' of node 1\n    Write about {{ topic }}.\n" in shown
    assert [line for line in shown.splitlines() if line.startswith(("Sample", "    prompt"))] == [
        "Sample 1 of node 1",
        "    prompt: p0",
        "Sample 2 of node 1",
        "    prompt: p1",
        "Sample 3 of node 1",
        "    prompt: p2",
    ]


def test_run_speaks_json_lines_to_programs(graftwork: Command, whole: CannedServer, job_file: str) -> None:
    records = [json.loads(line) for line in graftwork("run", job_file, "--json").stdout.splitlines()]

    assert whole.asked
    assert [record["what"] for record in records if record["what"] != "step"] == ["event", "event", "result"]
    assert records[-1]["job"]["state"] == "succeeded"
    assert Path(records[-1]["path"]).name == "fractions-1"


def test_run_goes_on_with_a_job_that_has_not_ended(graftwork: Command, whole: CannedServer, job_file: str) -> None:
    graftwork("run", job_file)
    whole["GET /v1/jobs/job-1"] = job(JobState.RUNNING, dataset_id=None)
    whole.asked.clear()

    ended = graftwork("run", job_file)

    assert "Going on with job job-1, submitted 2026-11-21 12:30 UTC" in ended.stdout
    assert "POST /v1/jobs" not in whole.asked


def test_run_submits_again_what_has_ended(graftwork: Command, whole: CannedServer, job_file: str) -> None:
    graftwork("run", job_file)
    whole.asked.clear()

    graftwork("run", job_file)

    assert "POST /v1/jobs" in whole.asked


def test_run_fits_the_job_to_a_model_that_cannot_write_python(
    graftwork: Command, whole: CannedServer, job_file: str
) -> None:
    tiny = PoolView(pool="main", available=True, default_model="tiny", writes_code=False, profile=Profile.COMPACT)
    whole["GET /v1/pools"] = PoolsView(pools=(tiny,))

    ended = graftwork("run", job_file)

    assert "tiny cannot write Python (starting from the starter 'qa'" in ended.stdout
    sent = json.loads(whole.bodies[whole.asked.index("POST /v1/jobs")])
    assert sent["search"] == {"initial": {"starter": "qa"}, "scope": "prompts"}


def test_a_failed_job_is_exit_status_1_and_its_partial_dataset_is_kept(
    graftwork: Command, whole: CannedServer, job_file: str, tmp_path: Path
) -> None:
    whole["GET /v1/jobs/job-1"] = job(JobState.FAILED, reason="budget_exhausted")

    ended = graftwork("run", job_file)

    assert (ended.status, ended.stderr) == (1, "graftwork: job job-1 failed: budget_exhausted\n")
    assert (tmp_path / "datasets" / "fractions-1" / "data" / "train.parquet").exists()


@pytest.mark.parametrize("command", [("run",), ("jobs", "submit")])
def test_what_the_server_refuses_is_told_with_the_lines_of_the_file(
    graftwork: Command, whole: CannedServer, job_file: str, command: tuple[str, ...]
) -> None:
    errors = (ProblemError(path="models.optimizer.pool", message="no pool of that name"),)
    whole["POST /v1/jobs"] = Problem(type="urn:graftwork:problem:x", title="Bad", status=422, errors=errors)

    ended = graftwork(*command, job_file)

    assert (ended.status, ended.stderr) == (2, "job.yaml:6: models.optimizer.pool: no pool of that name\n")


def test_jobs_are_submitted_listed_and_cancelled(graftwork: Command, whole: CannedServer, job_file: str) -> None:
    whole["GET /v1/jobs?limit=20"] = JobList(items=(job(),), next_cursor="abc")
    whole["GET /v1/jobs?limit=1"] = JobList(items=(job(),))
    whole["POST /v1/jobs/job-1/cancel"] = job(JobState.RUNNING, cancel_requested=True)

    assert graftwork("jobs", "submit", job_file).stdout == "job-1\n"
    listed = graftwork("jobs", "list")
    assert listed.stdout.splitlines() == [
        "JOB    NAME       STATE      PHASE  BEST  ROWS   SUBMITTED",
        "job-1  fractions  succeeded  ended  3.50  20/20  2026-11-21 12:30",
    ]
    assert listed.stderr == "more: graftwork jobs list --cursor abc\n"
    assert graftwork("jobs", "cancel").stdout == "Job job-1 is being cancelled\n"


def test_a_job_is_shown_field_by_field_or_as_json(graftwork: Command, whole: CannedServer) -> None:
    assert graftwork("jobs", "show", "job-1").stdout.splitlines()[3:] == [
        "state      succeeded",
        "phase      ended",
        "iteration  4 of 12",
        "best       3.50 n1",
        "rows       20 of 20 accepted, 5 rejected, 0 failed",
        "spent      40 calls, 9.0k tokens",
        "  main     40 calls, 0 tokens",
        "dataset    fractions-1",
        "submitted  2026-11-21 12:30 UTC",
    ]
    assert JobView.model_validate_json(graftwork("jobs", "show", "job-1", "--json").stdout) == job()
    assert whole.asked


def test_watching_ends_with_the_job_and_tells_how(graftwork: Command, whole: CannedServer) -> None:
    assert graftwork("jobs", "watch", "job-1").status == 0

    whole["GET /v1/jobs/job-1"] = job(JobState.CANCELLED, reason="cancelled by the client")
    ended = graftwork("jobs", "watch", "job-1", "--json")

    assert (ended.status, ended.stderr) == (1, "graftwork: job job-1 cancelled: cancelled by the client\n")
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [record["event"]["version"] for record in events if record["what"] == "event"] == [1, 2]


def test_the_tree_is_drawn_or_given_as_json(graftwork: Command, whole: CannedServer) -> None:
    assert graftwork("tree", "job-1").stdout.splitlines() == [
        "fractions (job-1): succeeded",
        "└── node 0  R 3.00",
        "    └── node 1  R 3.50  ★ winner  one example",
    ]
    assert TreeView.model_validate_json(graftwork("tree", "job-1", "--json").stdout).nodes == nodes()
    assert whole.asked


def test_datasets_are_listed_and_downloaded(graftwork: Command, whole: CannedServer, tmp_path: Path) -> None:
    whole["GET /v1/datasets?limit=20"] = DatasetList(items=(dataset(),))

    assert graftwork("datasets", "list").stdout.splitlines() == [
        "DATASET      ROWS  COMPLETE  JOB    PUBLISHED",
        "fractions-1  20    yes       job-1  2026-11-21 12:30",
    ]
    assert graftwork("datasets", "download", "fractions-1", "-o", "here").stdout == f"{tmp_path}/here/fractions-1\n"
    assert (tmp_path / "here" / "fractions-1" / "data" / "train.parquet").read_bytes() == CONTENT


def test_validate_tells_all_mistakes(graftwork: Command, tmp_path: Path, job_file: str) -> None:
    assert graftwork("validate", job_file).stdout == "job.yaml: fine: 20 rows, at most 30 iterations\n"

    (tmp_path / "bad.yaml").write_text("task: Write word problems.\ncuont: 3\n")
    ended = graftwork("validate", "bad.yaml")

    assert (ended.status, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [
        "bad.yaml:1: count: missing",
        "bad.yaml:2: cuont: unknown key; did you mean count?",
    ]
    found = graftwork("validate", "bad.yaml", "--json")
    assert found.status == 2
    assert json.loads(found.stdout)["mistakes"][1] == {
        "file": "bad.yaml",
        "line": 2,
        "path": "cuont",
        "message": "unknown key; did you mean count?",
    }


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("jobs", "show", "nope"), 1, "graftwork: Not found: GET /v1/jobs/nope\n"),
        (("jobs", "lst"), 2, "No such command 'lst'"),
        (("jobs", "list", "--limit", "0"), 2, "Invalid value for '--limit'"),
        (("jobs", "list", "--url", "http://127.0.0.1:1"), 3, "no Graftwork server answers at http://127.0.0.1:1"),
        (("run", "nowhere.yaml"), 2, "nowhere.yaml: No such file or directory\n"),
        (("up", "--port", "0", "--home", "/proc/nowhere"), 1, "graftwork: /proc/nowhere: No such file or directory\n"),
    ],
)
def test_every_end_has_its_exit_status(graftwork: Command, arguments: tuple[str, ...], status: int, said: str) -> None:
    ended = graftwork(*arguments)

    assert ended.status == status
    assert said in ended.stderr


def test_without_a_server_commands_say_how_to_get_one(graftwork: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAFTWORK_URL")

    ended = graftwork("jobs", "list")

    assert (ended.status, ended.stderr) == (
        3,
        "graftwork: no server: start one with `graftwork up`, or name one with --url or GRAFTWORK_URL\n",
    )


def test_the_doctor_tells_one_line_per_check(graftwork: Command, whole: CannedServer) -> None:
    checks = [json.loads(line) for line in graftwork("doctor", "--json").stdout.splitlines()]

    found = {check["name"]: check for check in checks}
    assert {"python", "kafka", "mongodb", "disk", "port", "model", "server"} <= found.keys()
    assert found["server"] == {"name": "server", "verdict": "ok", "found": f"{whole.url}, pools main", "mend": ""}


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(graftwork: Command, command: str) -> None:
    ended = graftwork(command, "--help")

    assert (ended.status, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Usage: graftwork")


def test_help_imports_nothing_slow() -> None:
    script = """
import sys
from graftwork.cli.main import main

sys.argv = ["graftwork", "--help"]
try:
    main()
finally:
    print(*(name for name in ("httpx", "pydantic", "rich", "yaml", "asyncio") if name in sys.modules), file=sys.stderr)
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.startswith("Usage: graftwork")
    assert done.stderr == "\n"
