"""Between the code and the model: refusals, budgets, limits, and failures that are nobody's mistake."""

import asyncio

import pytest

from graftwork.contracts.workflows import FailureReason
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import GrantExhausted
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork_runner.sandbox import ModelCall
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import every_runtime

HEAD = "async def workflow(ctx, seed):\n"
ONE_CALL = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
STUBBORN = (
    HEAD + "    for _ in range(50):\n        try:\n"
    '            await ctx.llm("draft", topic=seed["topic"])\n'
    '        except BaseException:\n            pass\n    return {"text": "canned"}\n'
)


@every_runtime
async def test_a_refusal_can_be_caught(bench: Bench) -> None:
    async def ask(call: ModelCall) -> str:
        if call.text.endswith("long."):
            raise ModelRefused("context too long")
        return call.text

    code = (
        HEAD + '    try:\n        text = await ctx.llm("draft", topic="long")\n    except RuntimeError as error:\n'
        '        text = str(error)\n    return {"text": text, "short": await ctx.llm("draft", topic="short")}\n'
    )
    result = await bench.run(code, ask=ask, seeds=[{}])
    assert result.outcomes[0].record == (
        '{"text": "the model refused prompt \'draft\': context too long", "short": "Write about short."}'
    )


@every_runtime
async def test_an_uncaught_refusal_is_a_model_error(bench: Bench) -> None:
    async def ask(call: ModelCall) -> str:
        if call.seed_index == 1:
            raise ModelRefused("context too long")
        return call.text

    result = await bench.run(ONE_CALL, ask=ask)
    assert [o.reason for o in result.outcomes] == [None, FailureReason.MODEL_ERROR, None, None]
    assert result.outcomes[1].detail == "the model refused prompt 'draft': context too long"
    assert str(result.trace).endswith(result.outcomes[1].detail)


@every_runtime
@pytest.mark.parametrize("code", [ONE_CALL, STUBBORN])
async def test_a_used_up_grant_ends_what_still_needs_calls_and_keeps_what_is_done(bench: Bench, code: str) -> None:
    first_done = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        if call.seed_index == 0 and code is ONE_CALL:
            first_done.set()
            return call.text
        if code is ONE_CALL:
            await first_done.wait()
        raise GrantExhausted("10 calls spent")

    result = await bench.run(code, ask=ask)
    kept = None if code is ONE_CALL else FailureReason.GRANT_EXHAUSTED
    assert [o.reason for o in result.outcomes] == [kept, *[FailureReason.GRANT_EXHAUSTED] * 3]
    assert result.outcomes[3].detail == "10 calls spent"


@every_runtime
async def test_nothing_is_asked_once_the_grant_is_known_to_be_used_up(bench: Bench) -> None:
    async def ask(_call: ModelCall) -> str:
        raise GrantExhausted("nothing left")

    code = HEAD + '    await ctx.llm("draft", topic=1)\n    return {}\n'
    await bench.run(code, ask=ask, seeds=[{}])
    before = len(bench.calls)
    await bench.run(STUBBORN, ask=ask, seeds=[{"topic": 1}])
    assert len(bench.calls) == before + 1


@every_runtime
async def test_asking_too_often_is_a_limit_that_cannot_be_caught(benches: Benches) -> None:
    async with benches.open(calls_per_sample=5) as bench:
        result = await bench.run(STUBBORN, seeds=[{"topic": "a"}])
    assert result.outcomes[0].reason is FailureReason.LIMIT_EXCEEDED
    assert result.outcomes[0].detail == "more than 5 model calls for one record"
    assert (result.outcomes[0].calls, len(bench.calls)) == (5, 5)


@every_runtime
@pytest.mark.parametrize("error", [Overloaded("busy", retry_after_seconds=2), UnknownPool("no pool 'generator'")])
async def test_a_failure_of_the_model_plane_ends_the_chunk_after_the_calls_in_flight(
    bench: Bench, error: Exception
) -> None:
    all_asked, failed = asyncio.Barrier(4), asyncio.Event()
    finished: list[int] = []

    async def ask(call: ModelCall) -> str:
        await all_asked.wait()
        if call.seed_index == 2:
            failed.set()
            raise error
        await failed.wait()
        finished.append(call.seed_index)
        return call.text

    with pytest.raises(GraftworkError) as raised:
        await bench.run(ONE_CALL, ask=ask)
    assert raised.value is error
    assert sorted(finished) == [0, 1, 3], "what is paid for is waited for, so that it can be journalled"


@every_runtime
async def test_a_bug_of_ours_is_raised_as_it_is(bench: Bench) -> None:
    async def ask(_call: ModelCall) -> str:
        raise LookupError("our bug")

    with pytest.raises(LookupError, match="our bug"):
        await bench.run(ONE_CALL, ask=ask)


@every_runtime
async def test_a_chunk_that_takes_too_long_answers_with_what_it_has(bench: Bench) -> None:
    never = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        if call.seed_index == 1:
            await never.wait()
        return call.text

    result = await bench.run(ONE_CALL, ask=ask, seconds=2)
    assert [o.reason for o in result.outcomes] == [None, FailureReason.TIMED_OUT, None, None]
    assert result.outcomes[1].detail == "not finished within the 2 s given to the chunk"


@every_runtime
async def test_a_cancelled_chunk_cancels_its_calls(bench: Bench) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def ask(_call: ModelCall) -> str:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run(ONE_CALL, ask=ask))
        await asked.wait()
        running.cancel()
    assert running.cancelled()
    assert cancelled.is_set()
    assert (await bench.run(ONE_CALL)).outcomes[0].reason is None, "the pool is as good as before"
