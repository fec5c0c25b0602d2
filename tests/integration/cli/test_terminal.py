"""Commands at a terminal, where a person reads and types."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import TreeView
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import OpenReview
from tests.support.canned_gateway import NOW
from tests.support.canned_gateway import frames
from tests.support.canned_gateway import job
from tests.support.canned_server import CannedServer
from tests.support.terminal import Terminal

COLOUR = re.compile(r"\x1b\[(\d+;)*3[0-7]m")  # bold and dim are no colours
REVIEW = "/v1/jobs/job-1/reviews/r1"


def told(version: int, what: str, state: JobState, **more: Any) -> JobEvent:
    phase = JobPhase.REVIEWING if state is JobState.WAITING_FOR_REVIEW else JobPhase.ENDED
    snapshot = JobSnapshot(job_id="job-1", version=version, state=state, phase=phase, updated_at=NOW, **more)
    return JobEvent(version=version, what=what, snapshot=snapshot)


def review(state: ReviewState) -> ReviewView:
    return ReviewView(
        id="r1", job_id="job-1", job_name="fractions", task="Write about fractions.", state=state, round=1, rounds=3,
        node_id="n0", samples_ok=0, opened_at=NOW,
    )  # fmt: skip


@pytest.fixture
def waiting(server: CannedServer, tmp_path: Path) -> CannedServer:
    """A server on which a job waits for a review, and ends when it has one."""
    (tmp_path / "job.yaml").write_text("task: Write word problems about fractions.\ncount: 20\n")
    asked = OpenReview(review_id="r1", node_id="n0", round=1, rounds=3, opened_at=NOW)
    server["GET /v1/pools"] = PoolsView(pools=())
    server["POST /v1/jobs"] = job()
    server["GET /v1/jobs/job-1"] = job().model_copy(update={"state": JobState.SUCCEEDED})
    server["GET /v1/jobs/job-1/events"] = [
        frames(told(1, "review.requested", JobState.WAITING_FOR_REVIEW, review=asked)),
        frames(told(2, LAST_EVENT, JobState.SUCCEEDED)),
    ]
    server[f"GET {REVIEW}"] = review(ReviewState.OPEN)
    server[f"POST {REVIEW}"] = review(ReviewState.REVISED)
    return server


def test_run_takes_the_answer_to_a_review_on_the_spot(waiting: CannedServer, tmp_path: Path) -> None:
    with Terminal.running(tmp_path / "home", "run", "job.yaml", GRAFTWORK_URL=waiting.url) as terminal:
        terminal.see("[l]ater: ")
        terminal.type("r")
        terminal.see("in one line? ")
        terminal.type("Shorter, please.")
        status = terminal.end()

    assert status == 0, terminal.shown
    assert "Sent: the workflow is revised" in terminal.shown
    answer = waiting.bodies[waiting.asked.index(f"POST {REVIEW}")]
    assert json.loads(answer) == {"decision": "revise", "feedback": "Shorter, please."}


def test_watching_shows_the_job_and_how_to_answer_its_review(waiting: CannedServer, tmp_path: Path) -> None:
    with Terminal.running(tmp_path / "home", "jobs", "watch", "job-1", GRAFTWORK_URL=waiting.url) as terminal:
        terminal.see("Then: graftwork reviews approve job-1")
        assert terminal.end() == 0, terminal.shown

    assert f"POST {REVIEW}" not in waiting.asked


@pytest.mark.parametrize("command", [("doctor",), ("tree", "job-1")])
def test_colours_are_for_terminals_that_want_them(
    command: tuple[str, ...], server: CannedServer, tmp_path: Path
) -> None:
    failed = NodeSnapshot(node_id="n0", round=0, state=NodeState.FAILED)
    server["GET /v1/jobs/job-1/tree"] = TreeView(job=job(), nodes=(failed,))
    shown = {}
    for wish in ("", "1"):
        with Terminal.running(tmp_path / "home", *command, GRAFTWORK_URL=server.url, NO_COLOR=wish) as terminal:
            terminal.end()
        shown[wish] = terminal.shown

    assert COLOUR.search(shown[""])
    assert not COLOUR.search(shown["1"])


def test_what_cannot_be_taken_back_is_confirmed(server: CannedServer, tmp_path: Path) -> None:
    server["DELETE /v1/jobs/job-1"] = None
    for answer, status in (("n", 130), ("y", 0)):
        with Terminal.running(tmp_path / "home", "jobs", "delete", "job-1", GRAFTWORK_URL=server.url) as terminal:
            terminal.see("[y/N]")
            terminal.type(answer)
            assert terminal.end() == status

    assert server.asked == ["DELETE /v1/jobs/job-1"]
