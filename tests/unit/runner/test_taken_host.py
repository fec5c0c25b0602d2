"""What code gets that takes hold of the object through which our own code inside speaks: nothing more."""

from tests.support.workflow_bench import Bench

HEAD = "async def workflow(ctx, seed):\n"
CALL = '    text = await ctx.llm("draft", topic=seed["topic"])\n'
RETURN = '    return {"text": text}\n'


async def test_code_that_takes_hold_of_our_host_only_speaks_for_its_own_records(bench: Bench) -> None:
    """What our code inside sends is text; a structure of millions of values is not spelt out for it."""
    code = (
        "held = []\n" + HEAD + "    global _graftwork_context\n"
        "    def taken(host):\n        held.append(host)\n        return host\n"
        "    _graftwork_context = taken\n" + CALL + "    if held:\n"
        "        held[0].done([0] * 300_000)\n        held[0].failed({}, 7)\n" + RETURN
    )
    result = await bench.run(code)
    assert [outcome.record is None for outcome in result.outcomes].count(False) >= 1
    assert all(len(outcome.record or "") < 200 for outcome in result.outcomes)
    assert all(len(outcome.detail) <= 500 for outcome in result.outcomes)
