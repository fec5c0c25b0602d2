"""Workflows that mean harm or run wild: each ends as a typed, readable result, and alone."""

import json

import pytest

from graftwork.contracts.workflows import FailureReason
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches
from tests.support.workflow_bench import every_runtime

HEAD = "async def workflow(ctx, seed):\n"
CALL = '    text = await ctx.llm("draft", topic=seed["topic"])\n'
BAD = '    if seed["topic"] == "topic 2":\n'
RETURN = '    return {"text": text}\n'


@every_runtime
@pytest.mark.parametrize(
    ("helper", "harm", "reason", "detail"),
    [
        ("", "        while True: pass\n", FailureReason.TIMED_OUT, "an endless loop?"),
        ("", "        while True: text += text\n", FailureReason.LIMIT_EXCEEDED, "MemoryError: memory limit exceeded"),
        ("", "        text = [0] * 10**9\n", FailureReason.LIMIT_EXCEEDED, "MemoryError: "),
        ("def f(n): return f(n + 1)\n", "        text = f(0)\n", FailureReason.LIMIT_EXCEEDED, "RecursionError: "),
        ("", '        while True: print("x" * 1000)\n', FailureReason.LIMIT_EXCEEDED, "MemoryError: "),
        ("", '        raise SystemExit("bye")\n', FailureReason.CRASHED, "SystemExit"),
        ("", "        raise KeyboardInterrupt\n", FailureReason.CRASHED, "KeyboardInterrupt"),
        ("", "        text = 1 / 0\n", FailureReason.CRASHED, "ZeroDivisionError: division by zero"),
    ],
)
async def test_running_wild_costs_one_seed_and_nothing_is_paid_twice(
    benches: Benches, helper: str, harm: str, reason: FailureReason, detail: str
) -> None:
    async with benches.open(turn_seconds=0.5) as bench:
        result = await bench.run(helper + HEAD + CALL + BAD + harm + RETURN)
    assert result.outcomes[2].reason == reason
    assert detail in result.outcomes[2].detail
    assert detail.rstrip(": ") in str(result.trace)
    assert [json.loads(o.record or "null") for o in result.outcomes if o.index != 2] == [
        {"text": f"Write about topic {i}. #0"} for i in (0, 1, 3)
    ]
    assert sorted(call.seed_index for call in bench.calls) == [0, 1, 2, 3]


@every_runtime
async def test_a_number_that_is_too_large_costs_one_seed(benches: Benches) -> None:
    """Monty foresees its size; CPython computes until its time is over."""
    async with benches.open(turn_seconds=0.5) as bench:
        result = await bench.run(HEAD + CALL + BAD + "        text = str(7 ** 10**8)\n" + RETURN)
    reasons = [o.reason for o in result.outcomes]
    assert reasons.pop(2) in {FailureReason.LIMIT_EXCEEDED, FailureReason.TIMED_OUT}
    assert reasons == [None] * 3


@every_runtime
async def test_a_workflow_that_always_loops_is_given_up_soon(benches: Benches) -> None:
    async with benches.open(turn_seconds=0.2, sessions_lost=2) as bench:
        result = await bench.run(HEAD + "    while True: pass\n", seeds=[{}] * 16)
    assert {o.reason for o in result.outcomes} == {FailureReason.TIMED_OUT}
    assert len(result.outcomes) == 16


@every_runtime
async def test_many_short_turns_add_up(benches: Benches) -> None:
    code = (
        HEAD + "    for n in range(1000):\n        for _ in range(10**4): pass\n"
        '        await ctx.llm("draft", topic=n)\n    return {}\n'
    )
    async with benches.open(sample_seconds=0.005, calls_per_sample=1000) as bench:
        result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.TIMED_OUT
    assert "the code computed too long in all" in result.outcomes[0].detail


@every_runtime
async def test_spinning_on_refused_calls_ends(benches: Benches) -> None:
    code = HEAD + '    while True:\n        try: await ctx.llm("nope")\n        except ValueError: pass\n'
    async with benches.open(calls_per_sample=2) as bench:
        result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].reason is FailureReason.LIMIT_EXCEEDED
    assert "the code went on asking after it was refused" in result.outcomes[0].detail


@every_runtime
@pytest.mark.parametrize("code", ["while True: pass\n", "x = 'a'\nwhile True: x += x\n", "raise SystemExit(1)\n"])
async def test_a_module_that_cannot_be_loaded_costs_one_session(benches: Benches, code: str) -> None:
    async with benches.open(turn_seconds=0.3) as bench:
        result = await bench.run(code + HEAD + RETURN)
    assert {o.record for o in result.outcomes} == {None}
    assert result.outcomes[0].detail == result.outcomes[3].detail
    assert result.trace is not None


@pytest.mark.parametrize(
    "attempt",
    [
        'open("/etc/passwd").read()',
        '__import__("os")',
        'eval("__import__")("os")',
        '__import__("os").system("id")',
        'str.format("{0.__class__}", 1)',
        '"{0.__class__.__bases__}".format("a")',
        "().__class__.__base__.__subclasses__()",
        'getattr(ctx, "__dict__")',
        "ctx.llm.__closure__",
        "ctx.llm.__globals__",
        'getattr(ctx, "host")',
        "globals()",
    ],
)
async def test_there_is_no_way_out(bench: Bench, attempt: str) -> None:
    result = await bench.run(HEAD + CALL + f"    return {{'text': str(eval({attempt!r}))}}\n", seeds=[{"topic": 1}])
    assert [(o.reason, o.record) for o in result.outcomes] == [(FailureReason.CRASHED, None)]


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("os", "os.system('id')"),
        ("os", "os.environ['HOME']"),
        ("os", "os.listdir('/')"),
        ("os", "os.urandom(8)"),
        ("pathlib", "pathlib.Path('/etc/passwd').read_text()"),
        ("subprocess", "subprocess.run(['id'])"),
        ("socket", "socket.socket()"),
        ("ctypes", "ctypes.CDLL(None)"),
        ("sys", "sys.modules"),
        ("importlib", "importlib.import_module('os')"),
        ("urllib.request", "urllib.request.urlopen('http://127.0.0.1')"),
    ],
)
async def test_the_operating_system_is_not_there(bench: Bench, module: str, use: str) -> None:
    code = HEAD + CALL + f"    import {module}\n    return {{'text': str({use})}}\n"
    result = await bench.run(code, seeds=[{"topic": 1}])
    assert (result.outcomes[0].reason, result.outcomes[0].record) == (FailureReason.CRASHED, None)


@every_runtime
async def test_printed_junk_goes_nowhere(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    code = HEAD + CALL + '    print("\\x1b[31mjunk\\x00" * 100)\n' + RETURN
    result = await bench.run(code)
    assert [o.reason for o in result.outcomes] == [None] * 4
    assert capfd.readouterr() == ("", "")


@every_runtime
async def test_an_exception_full_of_escapes_is_made_readable(bench: Bench) -> None:
    code = HEAD + '    raise ValueError("\\x1b[31mred\\x07" + "x" * 100_000)\n'
    result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].detail.startswith("ValueError: redxxx")
    assert len(result.outcomes[0].detail) <= 500
    assert len(str(result.trace)) <= 4_000
    assert "\x1b" not in str(result.trace)


@every_runtime
async def test_a_seed_cannot_speak_for_another(bench: Bench) -> None:
    """Even code that keeps the ``ctx`` of another seed only spends that seed's calls."""
    code = (
        "kept = []\n" + HEAD + "    kept.append(ctx)\n"
        '    text = await kept[0].llm("draft", topic=seed["topic"])\n' + RETURN
    )
    result = await bench.run(code)
    assert [o.index for o in result.outcomes] == [0, 1, 2, 3]
    assert [o.calls for o in result.outcomes[1:]] == [0, 0, 0]


@every_runtime
async def test_hostile_prompt_variables_are_bounded(bench: Bench) -> None:
    deep = HEAD + '    x = []\n    for _ in range(100): x = [x]\n    await ctx.llm("draft", topic=x)\n'
    result = await bench.run(deep, seeds=[{}])
    assert result.outcomes[0].detail == "ValueError: nested too deeply; at most 32 levels are allowed"
