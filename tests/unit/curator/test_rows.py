import json

import pytest

from graftwork.contracts.workflows import SampleRow
from graftwork_curator.acceptance import Outcome
from graftwork_curator.acceptance import Verdict
from graftwork_curator.rows import Discarded
from graftwork_curator.rows import candidates
from graftwork_curator.rows import jsonl
from tests.support.publications import pair
from tests.support.publications import sample


def test_candidates_come_in_seed_order_whatever_order_they_were_written_in() -> None:
    data = jsonl([sample(2, pair("c")), sample(0, pair("a")), sample(1, None)])
    assert [row.seed_index for row in candidates(data, "blob")] == [0, 1, 2]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"sample_id": "s1"}',
        b'{"sample_id":"s1","seed_index":-1,"seed":{}}',
        b'{"sample_id":"s1","seed_index":1,"seed":{},"output":{"text":"\\ud800"}}',
        b'{"sample_id":"s1","seed_index":1,"seed":{},"output":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}",
        b"\xff\xfe",
    ],
    ids=["empty", "cut off", "a list", "half a row", "bad index", "lone surrogate", "very deep", "not UTF-8"],
)
def test_a_line_that_is_no_row_is_a_failed_candidate_and_the_others_are_read(line: bytes) -> None:
    good = jsonl([sample(1, pair("a"))])
    rows = candidates(line + b"\n" + good, "chunk")
    assert [(row.sample_id, row.reason) for row in rows] == [("chunk:1", "unreadable"), ("s1", None)]
    assert rows[0].detail


def test_no_data_is_no_candidates() -> None:
    assert candidates(b"", "chunk") == []


def test_rows_survive_writing_and_reading() -> None:
    rows = [sample(0, pair("Zahl \u2028 \u00bd \x00", '"quoted"\r\n')), sample(1, None, detail="boom")]
    assert rows == candidates(jsonl(rows), "chunk")


def test_what_json_cannot_say_becomes_null() -> None:
    row = SampleRow(sample_id="s", seed_index=0, seed={}, output={"x": float("nan"), "y": [float("inf")]})
    assert json.loads(jsonl([row]))["output"] == {"x": None, "y": [None]}


def test_a_discarded_row_tells_its_outcome_and_reason() -> None:
    verdict = Verdict(sample(4, pair("a")), Outcome.REJECTED, "near_duplicate", "of s1")
    told = json.loads(jsonl([Discarded.of(verdict)]))
    assert (
        told["outcome"],
        told["reason"],
        told["detail"],
        told["sample_id"],
    ) == ("rejected", "near_duplicate", "of s1", "s4")
