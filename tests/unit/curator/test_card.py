import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from markdown_it import MarkdownIt

from graftwork.contracts.records import Layout
from graftwork.contracts.records import OutputSpec
from graftwork.contracts.snapshots import PerRow
from graftwork.contracts.snapshots import ProductionCounts
from graftwork.contracts.snapshots import SpendReport
from graftwork.contracts.usage import Usage
from graftwork_curator.card import Rows
from graftwork_curator.card import card
from graftwork_curator.card import shortened
from graftwork_curator.card import size_category
from graftwork_curator.columns import Columns
from graftwork_curator.publication import Publication
from tests.support.publications import SPACE
from tests.support.publications import WORKFLOW
from tests.support.publications import custom
from tests.support.publications import job_spec
from tests.support.publications import pair
from tests.support.publications import path
from tests.support.publications import publication

GOLDEN = Path(__file__).parent / "golden" / "card.md"
MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})
HEADINGS = [
    "Example row",
    "Columns",
    "Counts",
    "How it was made",
    "Models",
    "Seeds",
    "Prompts of the winner",
    "Code of the winner",
    "Usage and cost",
    "How to reproduce",
    "Limits",
]
HOSTILE = (
    "---\nlicense: mit\n---\n# Owned\n<script>alert(1)</script> ![x](http://e.vil/p.png) [y](javascript:z)\n"
    "| a | b |\n|---|---|\n```\n~~~\n</details> {{ 7 * 7 }} {% raw %} &lt; $$x$$\n\u202ehidden\x1b[2J\n- ok\n===\n"
)


def rows(output: OutputSpec | None = None, example: dict[str, Any] | None = None) -> Rows:
    columns = Columns(output or OutputSpec())
    return Rows(
        count=3,
        example=example or pair("What is ½ of 12?", "Six, since two sixes are twelve."),
        schema=columns.schema,
        extras=columns.extras,
        arrow_bytes=420,
        file_bytes=1234,
    )


def split(text: str) -> tuple[dict[str, Any], str]:
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def written(it: Publication, its_rows: Rows | None = None) -> tuple[dict[str, Any], str]:
    return split(card(it, its_rows or rows()).decode())


def headings(body: str) -> list[str]:
    tokens = MARKDOWN.parse(body)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


def test_the_card_is_the_one_that_was_looked_at() -> None:
    text = card(publication(), rows()).decode()
    if os.environ.get("GRAFTWORK_WRITE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == text


def test_the_header_says_what_the_hub_reads() -> None:
    header, _ = written(publication(job_spec(output={"license": "cc-by-4.0"})))
    assert {
        "other": header["tags"],
        "license": header["license"],
        "size": header["size_categories"],
    } == {"other": ["synthetic", "graftwork"], "license": "cc-by-4.0", "size": ["n<1K"]}
    assert header["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert header["dataset_info"]["splits"] == [{"name": "train", "num_bytes": 420, "num_examples": 3}]


def test_the_header_declares_every_column() -> None:
    output = custom(
        {
            "text": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "turns": {
                "type": "array",
                "items": {"type": "object", "properties": {"who": {"type": "string"}, "score": {"type": "number"}}},
            },
            "grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
            "ok": {"type": "boolean"},
        }
    )
    header, _ = written(publication(job_spec(output=output.model_dump())), rows(output, {"text": "a"}))
    assert header["dataset_info"]["features"][:-1] == [
        {"name": "text", "dtype": "string"},
        {"name": "tags", "list": "string"},
        {"name": "turns", "list": [{"name": "who", "dtype": "string"}, {"name": "score", "dtype": "float64"}]},
        {"name": "grid", "list": {"list": "int64"}},
        {"name": "ok", "dtype": "bool"},
    ]


def test_the_counts_table_adds_up() -> None:
    counts = ProductionCounts(wanted=9, attempted=20, accepted=3, rejected={"x": 4}, failed={"y": 5}, surplus=1)
    _, body = written(publication(counts=counts, complete=False))
    cells = [line.strip("| ").rsplit(" | ", 1) for line in body.split("## Counts")[1].split("##")[0].splitlines()]
    table = {cell[0]: int(cell[1]) for cell in cells if len(cell) == 2 and cell[1].isdigit()}
    assert 20 == table.pop("attempted") == sum(table.values())
    assert table["never judged (the job ended first)"] == 7


def test_a_partial_dataset_says_so_and_a_complete_one_does_not() -> None:
    _, partial = written(publication(complete=False))
    _, complete = written(publication())
    assert "**This dataset is partial**: 3 rows were asked for, 3 were accepted" in partial
    assert "partial" not in complete


def test_hostile_text_stays_text_wherever_it_stands() -> None:
    spec = job_spec(
        task=HOSTILE,
        output={"license": HOSTILE},
        facets={HOSTILE: (HOSTILE,)},
        models={"generator": {"pool": HOSTILE, "model": HOSTILE}},
    )
    it = publication(
        spec,
        counts=ProductionCounts(wanted=3, attempted=4, accepted=3, failed={HOSTILE: 1}),
        lineage=publication().lineage.model_copy(update={"path": path([HOSTILE]), "winner_node_id": HOSTILE}),
        workflow=WORKFLOW.model_copy(update={"prompts": {HOSTILE: HOSTILE}, "code": HOSTILE}),
        space=SPACE.model_copy(update={"facets": {HOSTILE: (HOSTILE,)}}),
        spent=SpendReport(by_pool={HOSTILE: Usage()}, by_purpose={HOSTILE: Usage()}),
    )
    header, body = written(it, rows(example=pair(HOSTILE, HOSTILE)))
    tokens = MARKDOWN.parse(body)
    inner = [child for token in tokens for child in token.children or []]
    assert ["fractions", *HEADINGS] == headings(body)
    assert not {"html_block", "hr", "code_block"} & {token.type for token in tokens}
    assert not {"html_inline", "image"} & {child.type for child in inner}
    assert [child.attrs["href"] for child in inner if child.type == "link_open"] == ["#how-it-was-made"]
    assert sum(token.type == "table_open" for token in tokens) == 6
    assert HOSTILE.strip() == header["license"]
    assert not {"\x1b", "\u202e"} & set(body)


def test_a_column_name_cannot_break_the_table() -> None:
    output = custom({"a|b`c\n# d": {"type": "string"}})
    _, body = written(publication(job_spec(output=output.model_dump())), rows(output, {}))
    assert ["fractions", *HEADINGS] == headings(body)


def test_a_job_without_winner_or_seed_space_has_a_card_too() -> None:
    nothing = {"winner_node_id": None, "workflow": None, "reward": None, "path": ()}
    lineage = publication().lineage.model_copy(update=nothing)
    _, body = written(publication(lineage=lineage, workflow=None, space=None))
    assert [h for h in HEADINGS if "winner" not in h] == headings(body)[1:]
    assert "winning node: none, reward - of 5" in body


def test_an_unknown_cost_is_said_to_be_unknown() -> None:
    _, body = written(publication())
    assert "| **total** | 30 | 12,000 | 3,400 | unknown |" in body
    assert "| generator | 20 | 9,000 | 3,000 | 0.125000 |" in body


def test_long_values_of_the_example_are_cut() -> None:
    assert shortened({"a": ["x" * 1000], "b": 1}) == {"a": ["x" * 600 + "[... 400 more characters]"], "b": 1}


@pytest.mark.parametrize(
    ("count", "name"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (999_999, "100K<n<1M"),
        (1_000_000, "1M<n<10M"),
    ],
)
def test_sizes_have_the_hubs_names(count: int, name: str) -> None:
    assert name == size_category(count)


@pytest.mark.parametrize("layout", [Layout.PROMPT_COMPLETION, Layout.MESSAGES, Layout.TEXT])
def test_every_layout_has_a_card(layout: Layout) -> None:
    output = OutputSpec(layout=layout)
    header, body = written(publication(job_spec(output=output.model_dump())), rows(output))
    assert [f.name for f in Columns(output).schema] == [f["name"] for f in header["dataset_info"]["features"]]
    assert ["fractions", *HEADINGS] == headings(body)


def test_types_of_our_columns_are_known_to_the_hub() -> None:
    types = {str(field.type) for field in pa.schema(Columns(OutputSpec()).schema.field("graftwork").type)}
    assert {"string", "int64"} == types


def test_an_accepted_row_has_its_price_where_every_price_is_known() -> None:
    spent = SpendReport(per_row=PerRow(calls=12.5, tokens=2_100.0, cost_usd=0.01))
    _, known = written(publication(spent=spent))
    _, none = written(publication(spent=SpendReport()))
    assert "An accepted row took 12.5 calls, 2,100.0 tokens and 0.010000 USD" in known
    assert "An accepted row took" not in none


def test_the_card_says_what_the_reward_was_made_of() -> None:
    _, sample = written(publication(job_spec(search={"reward": "sample"})))
    _, workflow = written(publication(job_spec(search={"reward": "workflow"})))
    assert "1 to 5: the mean score of the samples" in sample
    assert "1 to 5: the score of the workflow itself" in workflow
