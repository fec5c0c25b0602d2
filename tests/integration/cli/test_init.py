from pathlib import Path

import pytest

from graftwork.cli.job_file import load_job
from graftwork.contracts.jobs import JobSpec
from tests.integration.cli.conftest import Command
from tests.support.terminal import Terminal

TASK = "Riddles about animals, for children who learn to read."


def test_without_a_terminal_it_asks_nothing(graftwork: Command, tmp_path: Path) -> None:
    ended = graftwork("init")

    assert ended.stdout.splitlines() == [
        "job.yaml is written. Next:",
        "  graftwork validate job.yaml",
        "  graftwork run job.yaml",
    ]
    assert graftwork("validate", "job.yaml", "--offline").status == 0
    assert load_job(tmp_path / "job.yaml").spec.name == "job"


def test_options_answer_its_questions(graftwork: Command, tmp_path: Path) -> None:
    options = ("--task", TASK, "--count", "12", "--layout", "messages", "--review", "human")

    assert graftwork("init", "riddles.yaml", *options).status == 0

    output, review = {"layout": "messages"}, {"mode": "human"}
    expected = JobSpec.model_validate(
        {"name": "riddles", "task": TASK, "count": 12, "output": output, "review": review}
    )
    assert load_job(tmp_path / "riddles.yaml").spec == expected


def test_a_terminal_is_asked(tmp_path: Path) -> None:
    with Terminal.running(tmp_path / "home", "init", "riddles.yaml", "--layout", "text") as terminal:
        terminal.see("Task: what the records are about")
        terminal.type("Riddles")
        terminal.see("at least 10 characters")
        terminal.type(TASK)
        terminal.see("Rows [100]: ")
        terminal.type("")
        terminal.see("Review (auto, human) [auto]: ")
        terminal.type("human")
        assert terminal.end() == 0

    spec = load_job(tmp_path / "riddles.yaml").spec
    told = (spec.task, spec.count, str(spec.output.layout), str(spec.review.mode))
    assert told == (TASK, 100, "text", "human")


def test_nothing_is_overwritten_unasked(graftwork: Command, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("precious")

    refused = graftwork("init")
    assert (refused.status, refused.stderr) == (2, "graftwork: job.yaml is there already: --force overwrites it\n")
    assert (tmp_path / "job.yaml").read_text() == "precious"

    assert graftwork("init", "--force").status == 0
    assert load_job(tmp_path / "job.yaml").spec.count == 100


@pytest.mark.parametrize("options", [("--task", "short"), ("--count", "0"), ("--layout", "table"), ("--review", "no")])
def test_what_no_job_can_be_is_refused(graftwork: Command, tmp_path: Path, options: tuple[str, ...]) -> None:
    assert graftwork("init", *options).status == 2
    assert not (tmp_path / "job.yaml").exists()
