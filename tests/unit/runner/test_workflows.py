"""What a well-meant workflow gets, and how its mistakes read."""

import asyncio
import json
from typing import Any

import pytest

from graftwork.contracts.workflows import FailureReason
from graftwork_runner.sandbox import ChunkResult
from graftwork_runner.sandbox import ModelCall
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import every_runtime

HEAD = "async def workflow(ctx, seed):\n"


def records(result: ChunkResult) -> list[Any]:
    return [None if outcome.record is None else json.loads(outcome.record) for outcome in result.outcomes]


def reasons(result: ChunkResult) -> list[str | None]:
    return [outcome.reason for outcome in result.outcomes]


@every_runtime
async def test_every_seed_is_run_and_its_calls_are_counted(bench: Bench) -> None:
    code = (
        HEAD + '    first = await ctx.llm("draft", topic=seed["topic"])\n'
        '    facts = await ctx.llm_json("facts", topic=seed["topic"])\n'
        '    return {"prompt": first, "completion": facts["fact"]}\n'
    )
    result = await bench.run(code)
    expected = [
        {"prompt": f"Write about topic {i}. #0", "completion": f"Give the facts of topic {i} as JSON."}
        for i in range(4)
    ]
    assert expected == records(result)
    assert [outcome.calls for outcome in result.outcomes] == [2, 2, 2, 2]
    assert result.trace is None


@every_runtime
async def test_seeds_run_side_by_side(bench: Bench) -> None:
    everybody = asyncio.Barrier(len(bench_seeds := [{"topic": str(i)} for i in range(20)]))

    async def ask(call: ModelCall) -> str:
        await everybody.wait()  # passes only if all twenty ask before anyone is answered
        return call.text

    code = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
    result = await bench.run(code, ask=ask, seeds=bench_seeds)
    assert reasons(result) == [None] * 20


@every_runtime
async def test_calls_of_one_seed_can_be_gathered(bench: Bench) -> None:
    both = asyncio.Barrier(2)

    async def ask(call: ModelCall) -> str:
        await both.wait()
        return call.text

    code = (
        "import asyncio\n" + HEAD + '    pair = await asyncio.gather(ctx.llm("draft", topic=1), '
        'ctx.llm("draft", topic=2))\n    return {"text": pair}\n'
    )
    result = await bench.run(code, ask=ask, seeds=[{}])
    assert records(result) == [{"text": ["Write about 1.", "Write about 2."]}]


@every_runtime
async def test_waiting_for_the_model_is_not_computing(benches: Benches) -> None:
    answered = asyncio.Event()

    async def ask(call: ModelCall) -> str:
        longer = 0.5  # than a turn, and than all computing the seed may do
        asyncio.get_running_loop().call_later(longer, answered.set)
        await answered.wait()
        return call.text

    async with benches.open(turn_seconds=0.3, sample_seconds=0.3) as bench:
        result = await bench.run(HEAD + '    return {"text": await ctx.llm("draft", topic=1)}\n', ask=ask, seeds=[{}])
    assert answered.is_set()
    assert reasons(result) == [None]


@every_runtime
async def test_a_mistake_in_one_seed_costs_that_seed_alone(bench: Bench) -> None:
    code = (
        HEAD + '    text = await ctx.llm("draft", topic=seed["topic"])\n'
        '    if seed["topic"] == "topic 2":\n'
        "        return lookup(seed)\n"
        '    return {"text": text}\n'
        "def lookup(seed):\n"
        '    return seed["no such key"]\n'
    )
    result = await bench.run(code)
    assert reasons(result) == [None, None, FailureReason.CRASHED, None]
    assert result.outcomes[2].detail == "KeyError: 'no such key'"
    *lines, last = str(result.trace).replace("'", "").splitlines()
    assert lines == [
        "workflow.py, line 4, in workflow: return lookup(seed)",
        'workflow.py, line 7, in lookup: return seed["no such key"]',
    ]
    assert last == "KeyError: no such key"
    assert len(bench.calls) == 4, "explaining the failure asks nothing again"


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        (HEAD + "    return (await \n", "workflow.py:3:1: error[invalid-syntax] "),
        (HEAD + '    yield "x"\n', "NotImplementedError: The monty syntax parser does not yet support yield"),
        ("class A: pass\nclass B(A): pass\n" + HEAD + "    return {}\n", "NotImplementedError: "),
        (HEAD + "    return await ctx.generate('draft')\n", "no attribute `generate`"),
        (HEAD + "    return ctx.llm('draft').strip()\n", "no attribute `strip`"),
        (HEAD + "    return {'text': undefined}\n", "Name `undefined` used when not defined"),
        ("import numpy\n" + HEAD + "    return {}\n", "Cannot resolve imported module `numpy`"),
        ("def workflow(ctx, seed):\n    return {}\n", "TypeError: workflow must be an `async def`"),
        ("async def other(ctx, seed):\n    return {}\n", "the code defines no `async def workflow(ctx, seed)`"),
        ("async def workflow(ctx):\n    return {}\n", "TypeError: workflow() takes 1 positional argument but 2"),
        ("raise ValueError('at import')\n" + HEAD + "    return {}\n", "ValueError: at import"),
        ("", "the code defines no `async def workflow(ctx, seed)`"),
    ],
)
async def test_code_that_cannot_work_says_why_before_anything_is_paid(bench: Bench, code: str, detail: str) -> None:
    result = await bench.run(code)
    assert reasons(result) == [FailureReason.CRASHED] * 4
    assert detail in result.outcomes[0].detail
    assert detail.rpartition("] ")[2] in str(result.trace)
    assert bench.calls == []


async def test_doubts_of_the_type_checker_stop_nothing_and_explain_a_crash(bench: Bench) -> None:
    code = (
        "import re\n" + HEAD + '    text = await ctx.llm("draft", topic=seed["topic"])\n'
        '    return {"text": re.search("topic [01]", text).group()}\n'
    )
    result = await bench.run(code)
    assert reasons(result) == [None, None, FailureReason.CRASHED, FailureReason.CRASHED]
    assert "workflow.py, line 4, in workflow: " in str(result.trace)
    assert "The type checker had doubts:\nworkflow.py:4:21: error[unresolved-attribute]" in str(result.trace)


@every_runtime
@pytest.mark.parametrize(
    ("call", "detail"),
    [
        ('ctx.llm("polish")', "ValueError: no prompt 'polish'; the workflow has: draft, facts"),
        ('ctx.llm("draft")', "ValueError: prompt 'draft' uses 'topic', which was not given (given: none)"),
        ('ctx.llm("draft", topic={1, 2})', "TypeError: Object of type set is not JSON serializable"),
        ('ctx.llm("draft", topic=float("nan"))', "ValueError: NaN is not JSON"),
        ('ctx.llm("draft", topic="x" * 100_000)', "ValueError: prompt 'draft' renders to more than 64,000 characters"),
        ('ctx.llm("draft", topic="x" * 900_000)', "ValueError: 900,013 characters of JSON; at most 256,000"),
    ],
)
async def test_a_wrong_call_raises_inside_and_is_not_paid(bench: Bench, call: str, detail: str) -> None:
    result = await bench.run(HEAD + f"    return {{'text': await {call}}}\n", seeds=[{}])
    assert reasons(result) == [FailureReason.CRASHED]
    assert result.outcomes[0].detail.startswith(detail)
    assert bench.calls == []


@every_runtime
async def test_a_wrong_call_can_be_caught(bench: Bench) -> None:
    code = (
        HEAD + "    try:\n        await ctx.llm('polish')\n    except ValueError as error:\n"
        "        return {'text': str(error)}\n"
    )
    result = await bench.run(code, seeds=[{}])
    assert records(result) == [{"text": "no prompt 'polish'; the workflow has: draft, facts"}]


@every_runtime
async def test_a_bad_prompt_is_refused_before_anything_runs(bench: Bench) -> None:
    result = await bench.run(HEAD + "    return {}\n", prompts={"draft": "ok", "other": "line\n{{ 'a' * 9 }}"})
    assert reasons(result) == [FailureReason.CRASHED] * 4
    assert result.trace == "prompt 'other', line 2: mul is not supported in prompts; do it in the code"


@every_runtime
@pytest.mark.parametrize("answer", ["not json", "[1]", '{"a": NaN}', '{"a": 1', ""])
async def test_an_answer_that_is_no_json_object_can_be_asked_for_again(bench: Bench, answer: str) -> None:
    async def ask(call: ModelCall) -> str:
        return answer if call.occurrence == 0 else '{"fact": "one"}'

    code = (
        HEAD + "    try:\n        return await ctx.llm_json('facts', topic=1)\n    except ValueError as error:\n"
        "        return {'error': str(error), **await ctx.llm_json('facts', topic=1)}\n"
    )
    result = await bench.run(code, ask=ask, seeds=[{}])
    [record] = records(result)
    assert record["fact"] == "one"
    assert record["error"].startswith("the answer to prompt 'facts' is not a JSON object: ")


@every_runtime
@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("ctx", "Object of type Ctx is not JSON serializable"),
        ("ctx.llm('draft', topic=1)", "Object of type coroutine is not JSON serializable"),
        ("'x' * 300_000", "the record has 300002 characters; at most 200000 are allowed"),
    ],
)
async def test_what_is_no_json_is_invalid_output(bench: Bench, value: str, detail: str) -> None:
    result = await bench.run(HEAD + f"    return {value}\n", seeds=[{}])
    assert (reasons(result), result.outcomes[0].detail) == ([FailureReason.INVALID_OUTPUT], detail)


@every_runtime
async def test_many_seeds_take_several_sessions(benches: Benches) -> None:
    async with benches.open(session_seeds=3) as bench:
        code = HEAD + '    return {"text": await ctx.llm("draft", topic=seed["topic"])}\n'
        result = await bench.run(code, seeds=[{"topic": i} for i in range(8)])
    assert [record["text"] for record in records(result)] == [f"Write about {i}. #0" for i in range(8)]


@every_runtime
async def test_the_seed_belongs_to_its_run(bench: Bench) -> None:
    seed = {"topic": "x", "nested": {"list": [1, None, 2.5, True, "é"]}}
    result = await bench.run(HEAD + "    seed['topic'] = 'changed'\n    return seed\n", seeds=[seed, seed])
    assert records(result) == [{**seed, "topic": "changed"}] * 2
    assert seed["topic"] == "x"
