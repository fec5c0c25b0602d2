from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.records import OutputSpec
from graftwork.contracts.workflows import SampleRow
from graftwork_curator.acceptance import Acceptance
from graftwork_curator.acceptance import Outcome
from graftwork_curator.acceptance import Tally
from graftwork_curator.acceptance import Verdict
from graftwork_curator.acceptance import tally
from graftwork_curator.dedup import SeenRows
from graftwork_curator.records import RecordCheck
from tests.support.publications import pair
from tests.support.publications import sample

SPEC = OutputSpec()
CHECK = RecordCheck(SPEC)
TEXTS = [
    "What is one half of twelve apples shared by two children?",
    "what is  ONE half of twelve apples shared by two children?",
    "What is one half of twelve apples shared by two childrens?",
    "How many thirds make a whole pizza, and why is that so?",
    "Draw a quarter of a circle and explain what you have drawn.",
    "Which is larger, three eighths or one half? Say how you know.",
    "",
]
FAILURES = ["crashed", "timed_out", None]


def candidate(draw_text: int | None, reason: str | None, index: int) -> SampleRow:
    return sample(index, None if draw_text is None else pair(TEXTS[draw_text]), reason=reason)


@st.composite
def candidates(draw: st.DrawFn) -> list[SampleRow]:
    picks = draw(st.lists(st.none() | st.integers(0, len(TEXTS) - 1), max_size=25))
    return [
        candidate(pick, draw(st.sampled_from(FAILURES)) if pick is None else None, i) for i, pick in enumerate(picks)
    ]


def judge(rows: Sequence[SampleRow], *, needed: int, seen: SeenRows | None = None) -> list[Verdict]:
    acceptance = Acceptance(
        CHECK, seen if seen is not None else SeenRows(SPEC.near_duplicate_similarity), needed=needed
    )
    return [acceptance.judge(row) for row in rows]


def accepted(verdicts: Sequence[Verdict]) -> list[str]:
    return [v.row.sample_id for v in verdicts if v.outcome is Outcome.ACCEPTED]


@given(candidates(), st.integers(0, 8))
def test_every_candidate_has_one_outcome_and_the_counts_add_up(rows: list[SampleRow], needed: int) -> None:
    counts = tally(judge(rows, needed=needed))
    parts = counts.accepted + sum(counts.rejected.values()) + sum(counts.failed.values()) + counts.surplus
    assert len(rows) == parts == counts.attempted
    assert counts.accepted <= needed


@given(candidates(), st.integers(0, 8), st.integers(0, 25))
def test_two_rounds_give_the_verdicts_of_one(rows: list[SampleRow], needed: int, cut: int) -> None:
    seen = SeenRows(SPEC.near_duplicate_similarity)
    first = judge(rows[:cut], needed=needed, seen=seen)
    second = judge(rows[cut:], needed=needed - tally(first).accepted, seen=seen)
    assert judge(rows, needed=needed) == [*first, *second]


@given(candidates(), st.integers(0, 8))
def test_counts_of_two_rounds_add_up_to_those_of_one(rows: list[SampleRow], needed: int) -> None:
    verdicts = judge(rows, needed=needed)
    half = len(rows) // 2
    assert tally(verdicts) == tally(verdicts[:half]) + tally(verdicts[half:])


@given(candidates(), st.integers(0, 8))
def test_the_same_rows_again_change_nothing_that_was_accepted(rows: list[SampleRow], needed: int) -> None:
    seen = SeenRows(SPEC.near_duplicate_similarity)
    taken = accepted(judge(rows, needed=needed, seen=seen))
    again = judge([row for row in rows if row.sample_id in taken], needed=len(rows), seen=seen)
    assert ["exact_duplicate"] * len(taken) == [v.reason for v in again]


@given(candidates(), st.integers(0, 8))
def test_an_index_made_again_from_the_accepted_rows_judges_alike(rows: list[SampleRow], needed: int) -> None:
    seen = SeenRows(SPEC.near_duplicate_similarity)
    taken = [v.row for v in judge(rows, needed=needed, seen=seen) if v.outcome is Outcome.ACCEPTED]
    rebuilt = SeenRows(SPEC.near_duplicate_similarity)
    judge(taken, needed=len(taken), seen=rebuilt)
    assert judge(rows, needed=3, seen=seen) == judge(rows, needed=3, seen=rebuilt)


def test_each_kind_of_candidate_gets_its_outcome_and_reason() -> None:
    rows = [
        sample(0, pair(TEXTS[0])),
        sample(1, pair(TEXTS[1])),
        sample(2, pair(TEXTS[2])),
        sample(3, pair("")),
        sample(4, None, reason="timed_out", detail="no answer in 30 s"),
        sample(5, None, reason=None),
        sample(6, pair(TEXTS[3])),
        sample(7, pair(TEXTS[4])),
    ]
    verdicts = judge(rows, needed=2)
    assert [(v.outcome, v.reason) for v in verdicts] == [
        ("accepted", None),
        ("rejected", "exact_duplicate"),
        ("rejected", "near_duplicate"),
        ("rejected", "schema_invalid"),
        ("failed", "timed_out"),
        ("failed", "unknown"),
        ("accepted", None),
        ("surplus", None),
    ]
    assert [v.detail for v in verdicts[1:3]] == ["of s0", "of s0"]
    assert verdicts[4].detail == "no answer in 30 s"


def test_rows_beyond_need_are_surplus_but_their_faults_are_still_told() -> None:
    rows = [sample(0, pair(TEXTS[0])), sample(1, pair(TEXTS[0])), sample(2, pair(TEXTS[3])), sample(3, pair(TEXTS[3]))]
    assert [v.outcome for v in judge(rows, needed=1)] == ["accepted", "rejected", "surplus", "surplus"]


@pytest.mark.parametrize("needed", [0, 1, 2, 5])
def test_seed_order_decides_who_is_taken(needed: int) -> None:
    rows = [sample(i, pair(text)) for i, text in enumerate((TEXTS[0], TEXTS[3], TEXTS[4], TEXTS[5]))]
    assert [f"s{i}" for i in range(min(needed, 4))] == accepted(judge(rows, needed=needed))


def test_nothing_judged_is_nothing_counted() -> None:
    assert Tally() == tally([])
