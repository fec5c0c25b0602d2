"""The meter: never overdrawn, patient while something may come back, and clear when nothing can."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from hypothesis.stateful import initialize
from hypothesis.stateful import invariant
from hypothesis.stateful import precondition
from hypothesis.stateful import rule

from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import GrantExhausted
from graftwork.models.budget import Meter
from graftwork.models.budget import cost_of
from graftwork.models.budget import token_bound
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import Sampling

T = TypeVar("T")


def a_call(tokens: int = 10, cost_usd: float | None = 0.0) -> Usage:
    return Usage(calls=1, prompt_tokens=tokens, cost_usd=cost_usd)


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


class Calls(RuleBasedStateMachine):
    """Calls of any size start, end, fail and are given up, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(debug=False)
        self.spent = Usage()
        self.wanted: dict[asyncio.Task[Usage], Usage] = {}
        self.running: list[tuple[Usage, Usage]] = []

    def run(self, work: Awaitable[T]) -> T:
        async def settled() -> T:
            result = await work
            await turns()
            self.collect()
            return result

        return self.runner.run(settled())

    def collect(self) -> None:
        for task, bound in list(self.wanted.items()):
            if not task.done():
                continue
            del self.wanted[task]
            if task.cancelled():
                continue
            if task.exception() is None:
                self.running.append((bound, task.result()))
            else:
                self.assert_rightly_refused(task.exception(), bound)

    def assert_rightly_refused(self, error: BaseException | None, bound: Usage) -> None:
        assert isinstance(error, GrantExhausted)
        assert self.running == []
        assert not self.grant.covers(self.spent + bound)

    @initialize(
        calls=st.none() | st.integers(0, 6),
        tokens=st.none() | st.integers(0, 60),
        cost=st.none() | st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]),
    )
    def grant_is_given(self, calls: int | None, tokens: int | None, cost: float | None) -> None:
        self.grant = Grant(calls=calls, tokens=tokens, cost_usd=cost)
        self.meter = Meter(self.grant, lambda: self.spent)

    @rule(tokens=st.integers(0, 40), cost=st.sampled_from([0.0, 0.1, 0.2, 0.3]))
    def a_call_is_wanted(self, tokens: int, cost: float) -> None:
        bound = a_call(tokens, cost)

        async def want() -> None:
            self.wanted[asyncio.ensure_future(self.meter.reserve(bound))] = bound

        self.run(want())

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.floats(0, 1))
    def a_call_ends(self, data: st.DataObject, share: float) -> None:
        bound, reserved = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        used = a_call(int(bound.prompt_tokens * share), (bound.cost_usd or 0.0) * share)
        self.spent = self.spent + used
        self.run(self.meter.release(reserved))

    @precondition(lambda self: self.running)
    @rule()
    def a_call_fails_without_cost(self) -> None:
        _, reserved = self.running.pop()
        self.run(self.meter.release(reserved))

    @precondition(lambda self: self.wanted)
    @rule()
    def a_waiting_call_is_given_up(self) -> None:
        async def give_up() -> None:
            next(iter(self.wanted)).cancel()

        self.run(give_up())

    @invariant()
    def nothing_is_overdrawn_even_if_every_call_costs_all_it_may(self) -> None:
        if hasattr(self, "grant"):
            worst = Usage.total([self.spent, *(bound for bound, _ in self.running)])
            money = worst.cost_usd if self.grant.cost_usd is not None else 0.0
            # Floats added in another order differ in their last digits.
            allowed = None if self.grant.cost_usd is None else self.grant.cost_usd + 1e-9
            assert self.grant.model_copy(update={"cost_usd": allowed}).covers(
                worst.model_copy(update={"cost_usd": money})
            )

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        assert self.running or not self.wanted

    def teardown(self) -> None:
        async def give_all_up() -> None:
            for task in self.wanted:
                task.cancel()

        self.run(give_all_up())
        self.runner.close()


test_calls_in_any_order: Any = Calls.TestCase


async def test_a_call_waits_for_what_others_may_give_back() -> None:
    spent = Usage()
    meter = Meter(Grant(tokens=15), lambda: spent)
    first = await meter.reserve(a_call(10))
    second = asyncio.ensure_future(meter.reserve(a_call(10)))
    await turns()
    assert not second.done()

    spent = a_call(5)
    await meter.release(first)

    assert (await second).tokens == 10


async def test_it_fails_once_nothing_can_come_back_and_says_what_is_left() -> None:
    spent = a_call(90)
    meter = Meter(Grant(calls=5, tokens=100, cost_usd=2.0), lambda: spent)

    with pytest.raises(GrantExhausted) as caught:
        await meter.reserve(a_call(11))

    assert str(caught.value) == (
        "the next call could use up to 11 tokens, and of the grant (5 calls, 100 tokens, 2.0 USD) "
        "1 calls, 90 tokens are spent"
    )


async def test_a_waiting_call_that_is_cancelled_leaves_nothing_behind() -> None:
    meter = Meter(Grant(calls=1), Usage)
    first = await meter.reserve(a_call())
    waiting = asyncio.ensure_future(meter.reserve(a_call()))
    await turns()

    waiting.cancel()
    await asyncio.wait([waiting])
    await meter.release(first)

    assert await meter.reserve(a_call()) == a_call()


async def test_an_unknown_price_fits_no_money_limit_and_any_other() -> None:
    unknown = a_call(cost_usd=None)

    with pytest.raises(GrantExhausted):
        await Meter(Grant(cost_usd=1_000.0), Usage).reserve(unknown)
    assert (await Meter(Grant(calls=1), Usage).reserve(unknown)).calls == 1


async def test_sums_of_floats_do_not_refuse_the_last_call() -> None:
    meter = Meter(Grant(cost_usd=0.3), Usage)
    for _ in range(3):
        held = [await meter.reserve(a_call(cost_usd=price)) for price in (0.1, 0.2 - 1e-9)]
        for one in held:
            await meter.release(one)

    assert (await meter.reserve(a_call(cost_usd=0.3))).cost_usd == 0.3


def test_a_token_is_at_least_one_byte() -> None:
    messages = (Message(role="system", content="½" * 10), Message(role="user", content="a" * 7))

    bound = token_bound(GenerateRequest(pool="p", messages=messages, max_tokens=50, n=3))

    assert bound.prompt_tokens >= 20 + 7
    assert (bound.calls, bound.completion_tokens) == (1, 150)


def test_the_bound_counts_what_the_pool_adds_and_what_it_fixes() -> None:
    asked = GenerateRequest(pool="p", messages=(Message(role="user", content="hi"),), max_tokens=50, n=3)
    open_pool = describe_fake("p").model_copy(update={"prompt_bytes": 1000})
    fixed_pool = open_pool.model_copy(update={"fixed": Sampling(max_tokens=2000)})

    plain, prompted, fixed = (token_bound(asked, pool) for pool in (None, open_pool, fixed_pool))

    assert prompted.prompt_tokens >= plain.prompt_tokens + 3 * 1000
    assert prompted.completion_tokens == plain.completion_tokens == 3 * 50
    assert (fixed.prompt_tokens, fixed.completion_tokens) == (prompted.prompt_tokens, 3 * 2000)


def test_a_cost_is_known_only_where_both_prices_are() -> None:
    usage = Usage(calls=1, prompt_tokens=2_000_000, completion_tokens=1_000_000)
    priced = ModelDescription(name="m", prompt_usd_per_mtok=0.5, completion_usd_per_mtok=2.0)

    assert cost_of(usage, priced) == 3.0
    assert cost_of(usage, priced.model_copy(update={"completion_usd_per_mtok": None})) is None
    assert cost_of(usage, None) is None
