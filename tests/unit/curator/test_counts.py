from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.snapshots import ProductionCounts
from graftwork_curator.acceptance import Tally
from graftwork_curator.counts import never_judged
from graftwork_curator.counts import reconciled

by_reason = st.dictionaries(st.sampled_from(["a", "b", "stopped"]), st.integers(1, 9), max_size=3)
tallies = st.builds(Tally, accepted=st.integers(0, 9), rejected=by_reason, failed=by_reason, surplus=st.integers(0, 9))
told = st.builds(
    ProductionCounts,
    wanted=st.integers(0, 9),
    attempted=st.integers(0, 60),
    accepted=st.integers(0, 9),
    failed=by_reason,
)


@given(told, tallies)
def test_counts_add_up_whatever_search_and_curator_know(asked: ProductionCounts, judged: Tally) -> None:
    counts = reconciled(asked, judged)
    parts = counts.accepted + sum(counts.rejected.values()) + sum(counts.failed.values()) + counts.surplus
    assert counts.attempted == parts + never_judged(counts)
    assert never_judged(counts) >= 0
    assert (judged.accepted, asked.wanted) == (counts.accepted, counts.wanted)


def test_candidates_that_failed_before_they_reached_the_curator_stay_counted() -> None:
    asked = ProductionCounts(wanted=3, attempted=10, accepted=3, failed={"model_error": 4, "crashed": 1}, surplus=2)
    judged = Tally(accepted=3, failed={"crashed": 1}, surplus=2)
    assert reconciled(asked, judged).failed == {"crashed": 1, "model_error": 4}
    assert never_judged(reconciled(asked, judged)) == 0


def test_candidates_nobody_looked_at_are_the_difference() -> None:
    counts = reconciled(ProductionCounts(wanted=9, attempted=20), Tally(accepted=4, rejected={"near_duplicate": 1}))
    assert (counts.attempted, never_judged(counts)) == (20, 15)


def test_what_search_gave_up_on_and_was_judged_all_the_same_counts_once() -> None:
    asked = ProductionCounts(wanted=9, attempted=12, accepted=2, failed={"stopped": 8, "model_error": 2})
    judged = Tally(accepted=5, rejected={"near_duplicate": 1}, surplus=1)
    counts = reconciled(asked, judged)
    assert (counts.attempted, counts.failed) == (12, {"model_error": 2, "stopped": 3})
    assert never_judged(counts) == 0
