import io
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from graftwork.cli import words
from graftwork.cli.picture import picture
from graftwork.cli.progress import JobProgress
from graftwork.contracts.jobs import JobPhase
from graftwork.contracts.jobs import JobState
from graftwork.contracts.jobs import NodeState
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobView
from graftwork.contracts.snapshots import JobSnapshot
from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def progress() -> JobProgress:
    return JobProgress(
        JobView(id="job-1", name="fractions", task="t", count=20, strategy="autosynth", created_at=NOW, updated_at=NOW)
    )


def event(version: int, message: str = "", node: NodeSnapshot | None = None, **fields: Any) -> JobEvent:
    told: dict[str, Any] = {"state": JobState.RUNNING, "phase": JobPhase.SEARCHING, "updated_at": NOW, **fields}
    snapshot = JobSnapshot(job_id="job-1", version=version, **told)
    return JobEvent(version=version, what="node.scored", message=message, snapshot=snapshot, node=node)


def test_a_job_nobody_has_told_of_is_queued() -> None:
    assert progress().figures == {"phase": "queued", "best": "-", "rows": "0/20", "tokens": "0"}


def test_one_line_says_what_happened_and_where_the_job_is() -> None:
    usage = Usage(calls=12, prompt_tokens=12_000, completion_tokens=345, cost_usd=0.5)
    told = event(
        1,
        "iteration 3: reward 3.42",
        iteration=3,
        iterations=12,
        best_reward=3.5,
        production=ProductionCounts(accepted=7),
        spent=SpendReport(total=usage),
    )
    watched = progress()

    watched.take(told)

    assert watched.line(told) == (
        "searching: iteration 3: reward 3.42 (iteration 3/12, best 3.50, rows 7/20, tokens 12.3k, cost $0.50)"
    )


def test_the_end_is_told_instead_of_the_phase() -> None:
    told = event(1, state=JobState.FAILED, phase=JobPhase.ENDED)
    watched = progress()

    watched.take(told)

    assert watched.line(told) == "failed: node.scored (best -, rows 0/20, tokens 0)"


def drawn(watched: JobProgress, seconds: float) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=100).print(picture(watched, NOW + timedelta(seconds=seconds)))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_picture_shows_figures_latest_messages_and_the_tree() -> None:
    watched = progress()
    for number in range(8):
        node = NodeSnapshot(node_id="n0", round=0, state=NodeState.SCORED, reward=float(number % 5))
        watched.take(event(number + 1, f"message {number}", node))

    assert drawn(watched, 200) == [
        "fractions  phase searching  best -  rows 0/20  tokens 0  elapsed 3 min 20 s",
        "rows                                  0/20",
        "message 3",
        "message 4",
        "message 5",
        "message 6",
        "message 7",
        "tree",
        "└── node 0  R 2.00",
    ]


def searched(version: int, iteration: int, seconds: float, **fields: Any) -> JobEvent:
    return event(version, iteration=iteration, iterations=12, updated_at=NOW + timedelta(seconds=seconds), **fields)


def test_the_picture_has_a_bar_for_each_stage_and_the_time_that_is_left() -> None:
    watched = progress()
    watched.take(searched(1, 0, 10))
    watched.take(searched(2, 3, 40))

    search, rows = drawn(watched, 45)[1:3]

    assert search.startswith("search ━━━━━━━━")
    assert search.endswith("3/12 at most 1 min 25 s left")  # nine iterations of ten seconds, less the five since
    assert rows.endswith("0/20")


def test_no_time_is_told_before_there_is_a_pace() -> None:
    watched = progress()
    watched.take(searched(1, 0, 10))
    assert watched.seconds_left(NOW) is None

    watched.take(searched(2, 2, 20))
    assert watched.seconds_left(NOW + timedelta(seconds=20)) == 50


def test_production_has_a_pace_of_its_own_and_an_extended_job_more_rows() -> None:
    def produced(accepted: int, seconds: float) -> JobEvent:
        counts = ProductionCounts(wanted=50, accepted=accepted)
        return searched(accepted + 9, 12, seconds, phase=JobPhase.PRODUCING, production=counts)

    watched = progress()
    watched.take(searched(1, 11, 0))
    watched.take(searched(2, 12, 600))
    watched.take(produced(10, 700))
    assert watched.seconds_left(NOW + timedelta(seconds=700)) is None

    watched.take(produced(30, 720))

    assert watched.seconds_left(NOW + timedelta(seconds=720)) == 20
    assert watched.figures["rows"] == "30/50"


def test_the_time_that_a_person_takes_is_no_pace() -> None:
    watched = progress()
    watched.take(searched(1, 0, 0))
    watched.take(searched(2, 0, 10, state=JobState.WAITING_FOR_REVIEW, phase=JobPhase.REVIEWING))
    assert watched.waits_for_review
    assert "waits for your review: graftwork reviews show job-1" in drawn(watched, 20)

    watched.take(searched(3, 0, 90_000))
    watched.take(searched(4, 1, 90_010))

    assert watched.seconds_left(NOW + timedelta(seconds=90_010)) == 110


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (4_500_000, "4.5M")]
)
def test_short_numbers(number: int, expected: str) -> None:
    assert words.short_number(number) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")]
)
def test_durations(seconds: float, expected: str) -> None:
    assert words.duration(seconds) == expected


def test_an_unknown_cost_is_not_told() -> None:
    assert words.spent(Usage(calls=2, prompt_tokens=10, cost_usd=None)) == "2 calls, 10 tokens"


@pytest.mark.parametrize(
    ("usd", "expected"), [(None, "cost unknown"), (0, "$0.00"), (0.004, "under $0.01"), (3.1, "$3.10")]
)
def test_money(usd: float | None, expected: str) -> None:
    assert words.money(usd) == expected


def test_a_models_text_cannot_command_the_terminal() -> None:
    assert words.printable("a\x1b[2Jb\tc\nd\re\x07") == "a\ufffd[2Jb\tc\nd\ufffde\ufffd"
