"""Budgets: whatever is asked for and used, in whatever order, nothing is overdrawn."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import invariant
from hypothesis.stateful import rule

from graftwork.contracts.jobs import Budget
from graftwork.contracts.jobs import SearchSpec
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage
from graftwork_search.budget import Account
from graftwork_search.budget import Side
from graftwork_search.production import candidates_wanted
from graftwork_search.production import chunks
from graftwork_search.ranges import evaluation_range
from graftwork_search.ranges import finalist_range
from graftwork_search.ranges import production_start

BUDGET = Budget(calls=100, tokens=10_000, cost_usd=2.0)
sides = st.sampled_from(list(Side))


class AnyOrder(RuleBasedStateMachine):
    """Grants and answers of two sides, interleaved."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.out: list[tuple[Side, Grant]] = []

    @rule(side=sides, parts=st.integers(1, 8))
    def ask(self, side: Side, parts: int) -> None:
        grant = self.account.grant(BUDGET, side, parts=parts)
        if grant is not None:
            assert grant.calls
            assert grant.tokens
            assert grant.cost_usd
            self.out.append((side, grant))

    @rule(which=st.integers(0, 20), share=st.floats(0, 1))
    def answer(self, which: int, share: float) -> None:
        if not self.out:
            return
        side, grant = self.out.pop(which % len(self.out))
        used = Usage(
            calls=int((grant.calls or 0) * share),
            prompt_tokens=int((grant.tokens or 0) * share),
            cost_usd=(grant.cost_usd or 0.0) * share,
        )
        self.account.settle(side, grant, used)

    @invariant()
    def nothing_is_overdrawn(self) -> None:
        granted = self.account.granted.values()
        total = self.account.total
        assert total.calls + sum(g.calls for g in granted) <= 100
        assert total.tokens + sum(g.tokens for g in granted) <= 10_000
        assert (total.cost_usd or 0) + sum(g.cost_usd for g in granted) <= 2.0 + 1e-9

    @invariant()
    def the_search_keeps_to_its_half(self) -> None:
        spent = self.account.spent.get(Side.SEARCH, Usage())
        granted = self.account.granted.get(Side.SEARCH)
        assert spent.calls + (granted.calls if granted else 0) <= 50
        assert spent.tokens + (granted.tokens if granted else 0) <= 5_000


TestAnyOrder = AnyOrder.TestCase


def test_what_comes_back_can_be_granted_again() -> None:
    account = Account()
    first = account.grant(Budget(calls=10), Side.SEARCH)
    assert first == Grant(calls=5)
    assert account.grant(Budget(calls=10), Side.SEARCH) is None

    account.settle(Side.SEARCH, Grant(calls=5), Usage(calls=2))

    assert account.grant(Budget(calls=10), Side.SEARCH) == Grant(calls=3)
    assert account.grant(Budget(calls=10), Side.PRODUCTION) == Grant(calls=5)


def test_without_limits_grants_are_unlimited() -> None:
    assert Account().grant(Budget(), Side.SEARCH, parts=7) == Grant()


def test_where_a_price_is_unknown_a_money_limit_pays_for_nothing_more() -> None:
    account = Account()
    account.settle(Side.SEARCH, Grant(), Usage(calls=1, cost_usd=None))

    assert account.grant(Budget(cost_usd=5), Side.SEARCH) is None
    assert account.grant(Budget(cost_usd=5), Side.PRODUCTION, parts=3) is None
    assert account.grant(Budget(calls=10), Side.SEARCH) == Grant(calls=4)


@given(st.integers(0, 40), st.integers(1, 8))
def test_a_wave_is_as_wide_as_the_budget_can_pay_for(calls: int, width: int) -> None:
    account, budget = Account(), Budget(calls=max(1, 2 * calls))
    account.settle(Side.SEARCH, Grant(), Usage(calls=0 if calls else 1))
    granted = [account.grant(budget, Side.SEARCH, parts=parts) for parts in range(width, 0, -1)]

    assert sum(grant is not None for grant in granted) == min(width, calls)


@given(st.integers(1, 50), st.integers(1, 50))
def test_the_seeds_of_each_purpose_are_disjoint(evaluation: int, finalist: int) -> None:
    search = SearchSpec(evaluation_samples=evaluation, finalist_samples=finalist)
    first, second = evaluation_range(search), finalist_range(search)

    assert second.first == first.first + first.count
    assert production_start(search) == second.first + second.count


@given(st.integers(0, 10_000), st.integers(0, 500), st.integers(1, 50))
def test_chunks_cover_the_range_once(first: int, count: int, size: int) -> None:
    covered = [i for chunk in chunks(first, count, size=size) for i in range(chunk.first, chunk.first + chunk.count)]

    assert covered == list(range(first, first + count))


counts = st.integers(0, 5_000)


@given(short=counts, accepted=counts, rejected=counts, left=counts)
def test_never_more_candidates_than_are_left_and_none_without_need(
    short: int, accepted: int, rejected: int, left: int
) -> None:
    wanted = candidates_wanted(short=short, accepted=accepted, judged=accepted + rejected, left=left)

    assert 0 <= wanted <= left
    assert (wanted == 0) == (short == 0 or left == 0)


def test_the_shortfall_is_asked_for_over_the_rate_seen_so_far() -> None:
    assert candidates_wanted(short=100, accepted=0, judged=0, left=400) == 100
    assert candidates_wanted(short=50, accepted=50, judged=100, left=300) == 105
