"""Spend reports: whatever is booked, in whatever order, the parts equal the whole to the last digit."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import SpendPurpose
from graftwork.contracts.usage import Usage
from graftwork_search.documents import Stage
from graftwork_search.spending import Spending
from graftwork_search.spending import exact

counts = st.integers(0, 10_000)
usages = st.builds(
    Usage,
    calls=counts,
    prompt_tokens=counts,
    completion_tokens=counts,
    cost_usd=st.one_of(st.floats(0, 100), st.floats(0, 1e-4), st.none()),
)
pools = st.dictionaries(st.sampled_from(["a", "b", "c.d"]), usages, max_size=3)
kinds = ["propose_metrics", "calibrate_metrics", "score_samples", "write_workflow"]
tasks = st.dictionaries(st.sampled_from(kinds), pools, max_size=4)


def summed(by_task: Mapping[str, Mapping[str, Usage]]) -> dict[str, Usage]:
    names = sorted({pool for task in by_task.values() for pool in task})
    return {pool: Usage.total(task[pool] for task in by_task.values() if pool in task) for pool in names}


bookings = st.lists(st.tuples(st.sampled_from(Stage), tasks), max_size=12)


@given(bookings)
def test_every_map_of_a_report_sums_to_its_total_exactly(
    answers: list[tuple[Stage, dict[str, dict[str, Usage]]]],
) -> None:
    spending = Spending()
    booked = [spending.book(stage, stage.purpose, summed(by_task), by_task) for stage, by_task in answers]

    report = spending.report(accepted=0)

    assert Usage.total(booked) == report.total
    for part in (report.by_pool, report.by_purpose, report.by_stage):
        assert Usage.total(part.values()) == report.total
        assert Usage.total(reversed(part.values())) == report.total  # type: ignore[call-overload]


@given(bookings)
def test_nothing_that_was_used_is_lost_and_unknown_prices_stay_unknown(
    answers: list[tuple[Stage, dict[str, dict[str, Usage]]]],
) -> None:
    spending = Spending()
    for stage, by_task in answers:
        spending.book(stage, stage.purpose, summed(by_task), by_task)
    cells = [usage for _, by_task in answers for task in by_task.values() for usage in task.values()]

    total = spending.total

    assert total.calls == sum(usage.calls for usage in cells)
    assert total.tokens == sum(usage.tokens for usage in cells)
    assert (total.cost_usd is None) == any(usage.cost_usd is None for usage in cells)
    if total.cost_usd is not None:
        assert total.cost_usd == pytest.approx(sum(usage.cost_usd or 0 for usage in cells), abs=1e-8)


@given(usages)
def test_a_price_is_moved_by_less_than_anyone_can_pay(usage: Usage) -> None:
    if usage.cost_usd is None:
        assert exact(usage) == usage
    else:
        assert exact(usage).cost_usd == pytest.approx(usage.cost_usd, abs=1e-11)


@given(bookings, st.sampled_from(Stage), tasks, st.sampled_from([Grant(), Grant(calls=7, tokens=70, cost_usd=0.3)]))
def test_what_a_late_answer_tells_counts_as_if_it_had_been_in_time(
    answers: list[tuple[Stage, dict[str, dict[str, Usage]]]],
    stage: Stage,
    late: dict[str, dict[str, Usage]],
    grant: Grant,
) -> None:
    told, presumed = Spending(), Spending()
    presumed.presume(stage, stage.purpose, grant, "request-1")
    for spending in (told, presumed):
        for one, by_task in answers:
            spending.book(one, one.purpose, summed(by_task), by_task)
    assert presumed.withdraw("request-1")
    for spending in (told, presumed):
        spending.book(stage, stage.purpose, summed(late), late)

    assert presumed.report(accepted=0) == told.report(accepted=0)
    assert not presumed.withdraw("request-1")


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (Grant(), Usage(cost_usd=None)),
        (Grant(calls=3, tokens=30), Usage(calls=3, prompt_tokens=30, cost_usd=None)),
        (Grant(calls=3, cost_usd=0.5), Usage(calls=3, cost_usd=0.5)),
        (Grant(calls=0, tokens=0, cost_usd=0.0), Usage()),
    ],
)
def test_silence_may_have_cost_all_that_was_granted_and_without_a_limit_nobody_knows_what(
    grant: Grant, expected: Usage
) -> None:
    spending = Spending()
    spending.presume(Stage.EVALUATION, SpendPurpose.SEARCH, grant, "request-1")

    assert spending.report(accepted=0).by_pool == {"unknown": expected}
    assert spending.total == expected


def spent(calls: int, cost: float | None = 0.0) -> Usage:
    return Usage(calls=calls, prompt_tokens=10 * calls, cost_usd=cost)


def test_making_metrics_is_told_from_scoring_with_them() -> None:
    spending = Spending()
    by_task = {
        "propose_metrics": {"evaluator": spent(3)},
        "calibrate_metrics": {"evaluator": spent(10)},
        "score_samples": {"evaluator": spent(8)},
    }
    spending.book(Stage.SCORE_SAMPLE, Stage.SCORE_SAMPLE.purpose, {"evaluator": spent(21)}, by_task)
    spending.book(Stage.SCORE_WORKFLOW, Stage.SCORE_WORKFLOW.purpose, {"optimizer": spent(1)})

    by_purpose = spending.report(accepted=0).by_purpose

    assert by_purpose == {SpendPurpose.METRICS: spent(13), SpendPurpose.SCORING: spent(9)}


@pytest.mark.parametrize(
    "by_task",
    [{}, {"propose_metrics": {"evaluator": spent(3)}}, {"propose_metrics": {"another": spent(5)}}],
)
def test_a_split_that_does_not_sum_to_what_was_used_is_left_out_of_account(
    by_task: dict[str, dict[str, Usage]],
) -> None:
    spending = Spending()
    booked = spending.book(Stage.SCORE_SAMPLE, SpendPurpose.SCORING, {"evaluator": spent(5)}, by_task)

    assert booked == spent(5)
    assert spending.report(accepted=0).by_purpose == {SpendPurpose.SCORING: spent(5)}


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_purpose(stage: Stage) -> None:
    expected = {"production": "production", "acceptance": "production", "dataset": "production"}
    scoring = stage.startswith("score")
    assert stage.purpose == ("scoring" if scoring else expected.get(stage, "search"))


def test_a_row_costs_its_share_of_the_whole_job_or_an_unknown_amount() -> None:
    spending = Spending()
    assert spending.report(accepted=0).per_row is None
    spending.book(Stage.PRODUCTION, SpendPurpose.PRODUCTION, {"generator": spent(8, 2.0)})
    row = spending.report(accepted=4).per_row
    spending.book(Stage.PRODUCTION, SpendPurpose.PRODUCTION, {"generator": spent(1, None)})
    unknown = spending.report(accepted=4).per_row

    assert row is not None
    assert (row.calls, row.tokens, row.cost_usd) == (2, 20, 0.5)
    assert unknown is not None
    assert unknown.cost_usd is None
