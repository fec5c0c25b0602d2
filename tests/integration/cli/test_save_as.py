import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.snapshots import ProductionCounts
from tests.integration.cli.conftest import Command
from tests.support.canned_gateway import NOW
from tests.support.canned_server import CannedServer
from tests.support.published import published

PAIRS = [{"prompt": f'Half of "{n}"?\nSay it, please', "completion": f"{n / 2}"} for n in range(2500)]
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Grüße"}]
WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None  # as if it were not installed
from graftwork.cli.main import main
main()
"""


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """A dataset of three shards."""
    return published(tmp_path / "lessons", OutputSpec(), PAIRS, rows_per_shard=1000)


def dataset(directory: Path, layout: Layout, *records: Any) -> Path:
    return published(directory, OutputSpec(layout=layout), records)


def lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.usefixtures("pairs")
def test_every_row_of_every_shard_is_saved_in_order(graftwork: Command, tmp_path: Path) -> None:
    ended = graftwork("datasets", "save-as", "lessons", "--to", "alpaca", "-o", "new/alpaca.jsonl")

    assert ended.stdout == "new/alpaca.jsonl: 2500 rows (instruction, input, output)\n"
    assert lines(tmp_path / "new/alpaca.jsonl") == [
        {"instruction": row["prompt"], "input": "", "output": row["completion"]} for row in PAIRS
    ]


@pytest.mark.usefixtures("pairs")
def test_trl_columns_lose_ours_unless_it_is_kept(graftwork: Command, tmp_path: Path) -> None:
    graftwork("datasets", "save-as", "lessons", "-o", "trl.parquet")
    graftwork("datasets", "save-as", "lessons", "-o", "all.parquet", "--keep-extras")

    plain, all_of_it = pq.read_table(tmp_path / "trl.parquet"), pq.read_table(tmp_path / "all.parquet")
    assert plain.to_pylist() == PAIRS
    assert all_of_it.schema.names == ["prompt", "completion", "graftwork"]
    assert all_of_it.to_pylist()[7]["graftwork"]["sample_id"] == "s7"


@pytest.mark.usefixtures("pairs")
def test_csv_comes_back_as_it_was(graftwork: Command, tmp_path: Path) -> None:
    graftwork("datasets", "save-as", "lessons", "--format", "csv", "-o", "table.txt")

    with (tmp_path / "table.txt").open(newline="") as file:
        assert list(csv.DictReader(file)) == PAIRS


def test_lists_in_csv_are_json(graftwork: Command, tmp_path: Path) -> None:
    dataset(tmp_path / "chats", Layout.MESSAGES, {"messages": CHAT})

    graftwork("datasets", "save-as", "chats", "--to", "openai", "-o", "chats.csv")

    with (tmp_path / "chats.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert json.loads(row["messages"]) == CHAT


def test_conversations_are_saved_as_parquet_with_typed_columns(graftwork: Command, tmp_path: Path) -> None:
    dataset(tmp_path / "chats", Layout.MESSAGES, {"messages": CHAT})

    ended = graftwork("datasets", "save-as", "chats", "--to", "alpaca", "-o", "chats.parquet", "--json")

    told = {"path": str(tmp_path / "chats.parquet"), "rows": 1, "left_out": []}
    assert json.loads(ended.stdout) == {**told, "columns": ["instruction", "input", "output", "system", "history"]}
    assert pq.read_table(tmp_path / "chats.parquet").to_pylist() == [
        {"instruction": "Hi", "input": "", "output": "Grüße", "system": "", "history": []}
    ]


def test_a_dataset_of_the_server_is_fetched_first(
    graftwork: Command, server: CannedServer, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shards = sorted(pairs.glob("data/*"))
    files = tuple(
        DatasetFileView(
            path=f"data/{shard.name}",
            size_bytes=shard.stat().st_size,
            sha256=hashlib.sha256(shard.read_bytes()).hexdigest(),
        )
        for shard in shards
    )
    server["GET /v1/datasets/lessons-1"] = DatasetView(
        id="lessons-1", job_id="job-1", name="lessons", rows=2500, complete=True, counts=ProductionCounts(),
        files=files, sha256="0", location="datasets/lessons-1", published_at=NOW,
    )  # fmt: skip
    for shard in shards:
        server[f"GET /v1/datasets/lessons-1/download?path=data%2F{shard.name}"] = shard.read_bytes()

    ended = graftwork("datasets", "save-as", "lessons-1", "-o", "rows.jsonl")

    assert ended.stderr == ""
    assert lines(tmp_path / "rows.jsonl") == PAIRS


@pytest.mark.usefixtures("pairs")
def test_nothing_is_overwritten_unasked(graftwork: Command, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("precious")

    refused = graftwork("datasets", "save-as", "lessons", "-o", "rows.jsonl")
    assert (refused.status, refused.stderr) == (2, "graftwork: rows.jsonl is there already: --force overwrites it\n")
    assert (tmp_path / "rows.jsonl").read_text() == "precious"

    assert graftwork("datasets", "save-as", "lessons", "-o", "rows.jsonl", "--force").status == 0
    assert lines(tmp_path / "rows.jsonl") == PAIRS


def test_a_layout_that_cannot_become_another_is_refused_with_the_reason(graftwork: Command, tmp_path: Path) -> None:
    dataset(tmp_path / "poems", Layout.TEXT, {"text": "Roses are red."})

    ended = graftwork("datasets", "save-as", "poems", "--to", "alpaca", "-o", "poems.jsonl")

    assert ended.status == 2
    assert ended.stderr == (
        "graftwork: running text (column text) cannot become alpaca: it has no questions and answers; use --to trl\n"
    )


def test_a_row_that_does_not_fit_leaves_no_file(graftwork: Command, tmp_path: Path) -> None:
    odd = {"messages": [CHAT[0], CHAT[0]]}
    dataset(tmp_path / "chats", Layout.MESSAGES, *[{"messages": CHAT}] * 1500, odd)

    ended = graftwork("datasets", "save-as", "chats", "--to", "alpaca", "-o", "chats.jsonl")

    assert ended.status == 1
    assert ended.stderr == "graftwork: row 1501: user and assistant do not take turns: user, user\n"
    assert [path.name for path in tmp_path.iterdir()] == ["chats"]


def test_columns_that_are_left_out_are_told(graftwork: Command, tmp_path: Path) -> None:
    properties = {name: {"type": "string"} for name in ("prompt", "completion", "level")}
    schema = {"type": "object", "properties": properties}
    published(tmp_path / "own", OutputSpec(layout=Layout.CUSTOM, record_schema=schema), [{**PAIRS[1], "level": "easy"}])

    ended = graftwork("datasets", "save-as", "own", "--to", "openai", "-o", "own.jsonl")

    assert ended.stderr == "left out, as openai has no place for it: level\n"
    assert list(lines(tmp_path / "own.jsonl")[0]) == ["messages"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/where", "-o", "a.csv"], "there is no directory no/where"),
        (["empty", "-o", "a.csv"], "empty holds no dataset: there is no data/*.parquet or *.parquet in it"),
        (["damaged", "-o", "a.csv"], "damaged/data/train.parquet is no Parquet file: "),
        (["mixed", "-o", "a.csv"], "mixed/b.parquet has other columns than mixed/a.parquet"),
        (["lessons", "-o", "rows.xlsx"], "what format is rows.xlsx? Name one with --format: parquet, jsonl, csv"),
        (["lessons", "-o", "rows.csv", "--to", "parquet"], "'parquet' is not one of 'trl', 'alpaca', 'sharegpt'"),
    ],
)
def test_wrong_usage_is_told(graftwork: Command, pairs: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged/data").mkdir(parents=True)
    (tmp_path / "damaged/data/train.parquet").write_bytes(b"PAR1 not really")
    texts = dataset(tmp_path / "texts", Layout.TEXT, {"text": "a"})
    (tmp_path / "mixed").mkdir()
    next(pairs.glob("data/*")).rename(tmp_path / "mixed/a.parquet")
    next(texts.glob("data/*")).rename(tmp_path / "mixed/b.parquet")

    ended = graftwork("datasets", "save-as", *arguments)

    assert ended.status == 2
    assert said in ended.stderr


def test_without_pyarrow_it_says_what_to_install(pairs: Path) -> None:
    ended = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", WITHOUT_PYARROW, "datasets", "save-as", str(pairs), "-o", "rows.csv"],
        cwd=pairs.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ended.stderr == "graftwork: this needs the package pyarrow: pip install 'graftwork[export]'\n"
    assert ended.returncode == 1
