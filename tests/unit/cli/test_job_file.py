import json
from pathlib import Path

import pytest

from graftwork.cli.errors import JobFileError
from graftwork.cli.job_file import load_job
from graftwork.contracts.rest import Problem
from graftwork.contracts.rest import ProblemError

GOOD = """\
name: fractions
task: Write word problems about fractions for children of ten.
count: 20
"""


@pytest.fixture
def mistakes(tmp_path: Path) -> "Mistakes":
    return Mistakes(tmp_path)


class Mistakes:
    """Writes a job file and returns what is wrong with it, without the directory's name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, text: str | bytes) -> list[str]:
        file = self.directory / "job.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(JobFileError) as caught:
            load_job(file)
        return str(caught.value).replace(f"{self.directory}/", "").splitlines()


def test_a_good_file_becomes_a_job(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(GOOD + "search: {iterations: 4}\n")

    spec = load_job(file).spec

    assert (spec.name, spec.count, spec.search.iterations) == ("fractions", 20, 4)


def test_all_mistakes_are_told_at_once_each_with_its_line(mistakes: Mistakes) -> None:
    text = """\
name: Fractions!
task: short
search:
  iterations: many
  scope: prompt
facets:
  level: [easy, 2]
models:
  optimizer: {model: gpt}
"""

    assert mistakes(text) == [
        "job.yaml:1: name: String should match pattern '^[a-z0-9][a-z0-9_-]{0,63}$'",
        "job.yaml:1: count: missing",
        "job.yaml:2: task: String should have at least 10 characters",
        "job.yaml:4: search.iterations: Input should be a valid integer, unable to parse string as an integer",
        "job.yaml:5: search.scope: Input should be 'prompts', 'code' or 'both'",
        "job.yaml:7: facets.level.1: should be text: write it in quotes, '2'",
        "job.yaml:9: models.optimizer.pool: missing",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serch: {}", "serch: unknown key; did you mean search?"),
        ("search: {iteratons: 3}", "search.iteratons: unknown key; did you mean iterations?"),
        ("iterations: 3", "iterations: unknown key; did you mean search.iterations?"),
        ("search: {initial: {file: {}}}", "search.initial.file: unknown key; did you mean files?"),
        ("models: {optimizer: {pool: a, modle: b}}", "models.optimizer.modle: unknown key; did you mean model?"),
        ("xyzzy: 3", "xyzzy: unknown key"),
    ],
)
def test_unknown_keys_are_mistakes_with_a_proposal(mistakes: Mistakes, text: str, expected: str) -> None:
    assert mistakes(GOOD + text + "\n") == [f"job.yaml:4: {expected}"]


def test_what_is_wrong_between_fields_points_to_the_field_named_first(mistakes: Mistakes) -> None:
    text = GOOD + "budget:\n  tokens: 100\n  candidates: 10\n"

    assert mistakes(text) == ["job.yaml:6: budget.candidates: budget.candidates (10) is below count (20)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "job.yaml: empty"),
        ("- a\n- b\n", "job.yaml:1: should be a mapping of a job's fields: task, count, ..."),
        ("a: b: c\n", "job.yaml:1: not YAML: mapping values are not allowed here"),
        (
            "a: [1, 2\n",
            "job.yaml:2: not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "job.yaml:2: not YAML: expected a single document in the stream, but found another document",
        ),
        ("a: \0", "job.yaml: not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("? [a]\n: 3\n", "job.yaml:1: not allowed here: while constructing a mapping, found unhashable key"),
        (b"\xff\xfe\x00", "job.yaml: not UTF-8 text (byte 0)"),
        ("[" * 5000, "job.yaml: nested too deeply"),
    ],
    ids=["empty", "list", "colons", "bracket", "documents", "nul", "unhashable", "binary", "deep"],
)
def test_broken_yaml_is_one_line(mistakes: Mistakes, text: str | bytes, expected: str) -> None:
    assert mistakes(text) == [expected]


def test_yaml_runs_no_code(mistakes: Mistakes) -> None:
    (said,) = mistakes(GOOD + "output: !!python/object/apply:os.getcwd []\n")

    assert said.startswith("job.yaml:4: not allowed here: could not determine a constructor")


def test_repeated_keys_are_mistakes(mistakes: Mistakes) -> None:
    text = GOOD + "budget:\n  calls: 100\nbudget:\n  calls: 200\n  calls: 300\n"

    assert mistakes(text) == [
        "job.yaml:6: budget: given twice, first on line 4",
        "job.yaml:8: budget.calls: given twice, first on line 7",
    ]


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobFileError, match=r"^[^\n]+: (No such file or directory|Is a directory)$"):
        load_job(tmp_path / name)


def test_dates_in_seeds_stay_text(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(GOOD + "seeds: [{day: 2024-05-01}]\n")

    assert load_job(file).spec.seeds == ({"day": "2024-05-01"},)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seeds.jsonl", '{"topic": "cake", "age": "9"}\n\n{"topic": "pie", "age": "8"}\n'),
        ("seeds.csv", "topic,age\ncake,9\npie,8\n"),
    ],
)
def test_seeds_come_from_a_file_beside_the_job_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    file = tmp_path / "job.yaml"
    file.write_text(GOOD + f"seeds: {{file: {name}}}\n")

    assert load_job(file).spec.seeds == ({"topic": "cake", "age": "9"}, {"topic": "pie", "age": "8"})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "s.jsonl",
            '{"a": 1}\nnope\n[1]\n',
            ["s.jsonl:2: not JSON: Expecting value at column 1", "s.jsonl:3: should be a JSON object"],
        ),
        (
            "s.csv",
            "a,b\n1,2\n3\n4,5,6\n",
            [
                "s.csv:3: has another number of cells than the header",
                "s.csv:4: has another number of cells than the header",
            ],
        ),
        ("s.xls", "", ["s.xls: seeds come as .jsonl (one object a line) or .csv (with a header)"]),
    ],
)
def test_mistakes_in_a_seeds_file_have_their_own_lines(
    mistakes: Mistakes, name: str, text: str, expected: list[str]
) -> None:
    (mistakes.directory / name).write_text(text)

    assert mistakes(GOOD + f"seeds: {{file: {name}}}\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seeds: {file: none.jsonl}", "job.yaml:4: seeds.file: there is no none.jsonl"),
        ("seeds: {file: 3}", "job.yaml:4: seeds.file: should be a path"),
        ("seeds: {}", "job.yaml:4: seeds: should be a list of rows, or name a file: {file: seeds.jsonl}"),
        (
            "search: {initial: {files: a.py}}",
            "job.yaml:4: search.initial.files: should be a mapping with prompts, code",
        ),
        (
            "search: {initial: {files: {cod: a.py}}}",
            "job.yaml:4: search.initial.files.cod: unknown key; known here: prompts, code",
        ),
    ],
)
def test_named_files_that_are_not_there(mistakes: Mistakes, text: str, expected: str) -> None:
    assert mistakes(GOOD + text + "\n") == [expected]


@pytest.mark.parametrize("as_directory", [True, False])
def test_the_first_workflow_comes_from_files(tmp_path: Path, *, as_directory: bool) -> None:
    (tmp_path / "code.py").write_text("async def workflow(ctx, seed): ...")
    prompts = {"draft": "Write about {{ topic }}.", "check": "Is it right?"}
    if as_directory:
        (tmp_path / "prompts").mkdir()
        for name, text in prompts.items():
            (tmp_path / "prompts" / f"{name}.txt").write_text(text)
        (tmp_path / "prompts" / "notes.bak").write_text("not a prompt")
    else:
        (tmp_path / "prompts").write_text(json.dumps(prompts))
    file = tmp_path / "job.yaml"
    file.write_text(GOOD + "search: {iterations: 3, initial: {files: {prompts: prompts, code: code.py}}}\n")

    search = load_job(file).spec.search

    assert search.iterations == 3
    assert search.initial.prompts == prompts
    assert search.initial.code == "async def workflow(ctx, seed): ..."


def test_what_the_server_finds_wrong_gets_the_lines_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(GOOD + "models:\n  optimizer:\n    pool: nowhere\n")
    errors = (ProblemError(path="models.optimizer.pool", message="no pool of that name"),)
    problem = Problem(type="urn:graftwork:problem:invalid", title="Invalid job", status=422, errors=errors)

    assert str(load_job(file).mistakes_of(problem)) == f"{file}:6: models.optimizer.pool: no pool of that name"
