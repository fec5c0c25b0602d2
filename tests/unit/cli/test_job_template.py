"""A new job file: it is valid, says what it was told, and tells no default that is not one."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.cli.job_file import load_job
from graftwork.cli.job_template import Answers
from graftwork.cli.job_template import dataset_name
from graftwork.cli.job_template import job_text
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.records import Layout

OPTION = re.compile(r"^( *)#(\w.*)$", re.MULTILINE)
EXAMPLES = {"facets", "seeds", "initial", "models", "budget"}
TEXT = job_text(Path("job.yaml"), Answers())


def read(text: str, tmp_path: Path) -> JobSpec:
    file = tmp_path / "job.yaml"
    file.write_text(text)
    return load_job(file).spec


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("review", ReviewMode)
def test_it_is_a_job_as_it_was_told(layout: Layout, review: ReviewMode, tmp_path: Path) -> None:
    answers = Answers("Short poems about rivers.", 250, layout, review)

    spec = read(job_text(Path("river poems.yaml"), answers), tmp_path)

    told = (spec.name, spec.task, spec.count, spec.output.layout, spec.review.mode)
    assert told == ("river-poems", "Short poems about rivers.", 250, layout, review)


def test_unchanged_it_is_the_default_job(tmp_path: Path) -> None:
    assert read(TEXT, tmp_path) == JobSpec(name="job", task=Answers().task, count=Answers().count)


@pytest.mark.parametrize("option", OPTION.findall(TEXT), ids=lambda option: option[1].partition(":")[0])
def test_every_option_can_be_taken_in_and_means_the_default(option: tuple[str, str], tmp_path: Path) -> None:
    indent, said = option

    spec = read(TEXT.replace(f"{indent}#{said}", f"{indent}{said}"), tmp_path)

    if said.partition(":")[0] not in EXAMPLES:
        assert spec == read(TEXT, tmp_path)


def test_all_options_can_be_taken_in_at_once(tmp_path: Path) -> None:
    spec = read(OPTION.sub(r"\1\2", TEXT), tmp_path)

    assert spec.facets is not None
    assert spec.budget.cost_usd == 20


def test_most_of_what_a_job_can_be_is_shown() -> None:
    shown = {said.partition(":")[0] for _, said in OPTION.findall(TEXT)} | set(
        re.findall(r"^(\w+):", TEXT, re.MULTILINE)
    )

    assert set(JobSpec.model_fields) - shown == {"version", "strategy", "role_prompts"}


@given(task=st.text(min_size=10, max_size=300).filter(lambda text: len(text.strip()) >= 10))
def test_any_task_comes_back_as_it_was_told(task: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        spec = read(job_text(Path("job.yaml"), Answers(task=task.strip())), Path(directory))

    assert spec.task == task.strip()


@given(stem=st.text())
def test_any_file_name_gives_a_name_of_a_dataset(stem: str) -> None:
    assert JobSpec(name=dataset_name(stem), task="x" * 10, count=1).name
