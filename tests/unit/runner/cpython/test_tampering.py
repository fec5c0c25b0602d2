"""Code that turns on the worker it runs in, which is its right: it gains nothing by it.

Everything here is harmless outside of a wall, too, and all of it runs behind one.
"""

import json

import pytest

from graftwork.contracts.workflows import FailureReason
from tests.support.walls import EVERY_WALL
from tests.support.walls import needs_bwrap
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches

HEAD = "async def workflow(ctx, seed):\n"
CALL = '    text = await ctx.llm("draft", topic=seed["topic"])\n'
BAD = '    if seed["topic"] == "topic 2":\n'
RETURN = '    return {"text": text}\n'
SAY = """
import json, os, struct
def say(content, length=None):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, struct.pack(">I", len(content) if length is None else length) + content)
        except OSError:
            pass
"""
every_wall = pytest.mark.parametrize("wall", EVERY_WALL, indirect=True)


@every_wall
@pytest.mark.parametrize(
    ("harm", "detail"),
    [
        ('say(b"junk")', "broke the protocol, as only code that tampers with it can: not JSON"),
        ('say({"type": "ready"})', "broke the protocol"),
        ('say({"type": "done", "seed": 99, "record": "{}"})', "'done' of seed 99"),
        ('say({"type": "ask", "call": 0, "seed": 2, "name": "", "variables": "", "wants_json": False})', "call 0 for"),
        ('say(b"", 2**32 - 1)', "a message of 4,294,967,295 bytes"),
        ('say({"type": "loaded", "entry_point": True})', "it loads again"),
        ("[os.close(n) for n in range(3, 20) if n in (3, 4)]", "ended before the workflow did"),
        ("os._exit(0)", "the worker's process ended before the workflow did (exit status 0)"),
        ("os.abort()", "ended before the workflow did"),
    ],
)
async def test_tampering_costs_the_seed_that_does_it(benches: Benches, harm: str, detail: str) -> None:
    async with benches.open() as bench:
        result = await bench.run(SAY + HEAD + CALL + BAD + f"        {harm}\n" + RETURN)
    assert result.outcomes[2].reason is FailureReason.CRASHED
    assert detail in result.outcomes[2].detail
    assert [json.loads(o.record or "null") for o in result.outcomes if o.index != 2] == [
        {"text": f"Write about topic {i}. #0"} for i in (0, 1, 3)
    ]
    assert sorted(call.seed_index for call in bench.calls) == [0, 1, 2, 3]


@every_wall
async def test_talking_without_end_is_ended(benches: Benches) -> None:
    code = SAY + HEAD + '    while True: say({"type": "dropped", "call": 0})\n'
    async with benches.open(calls_per_sample=2) as bench:
        result = await bench.run(code, seeds=[{}])
    assert result.outcomes[0].reason in {FailureReason.LIMIT_EXCEEDED, FailureReason.TIMED_OUT}


@every_wall
async def test_what_is_printed_or_written_to_the_standard_streams_is_no_message(
    benches: Benches, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import os, sys\n" + HEAD + CALL + "    print('\\x1b[31mjunk' * 1000, file=sys.stderr)\n"
        "    read = sys.stdin.read() + os.read(0, 10).decode()\n"
        "    for _ in range(100):\n"
        "        for descriptor in (1, 2):\n"
        "            try: os.write(descriptor, b'\\0\\0\\0\\2{}' * 1000)\n"
        "            except BlockingIOError: pass\n"
        "    return {'text': text, 'read': read}\n"
    )
    async with benches.open() as bench:
        result = await bench.run(code, seeds=[{"topic": "t"}])
    assert [o.record for o in result.outcomes] == ['{"text": "Write about t. #0", "read": ""}']
    assert capfd.readouterr() == ("", "")


@every_wall
async def test_neither_secrets_nor_our_code_are_in_reach(benches: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_SECRET", "key")
    code = (
        "import importlib.util, os, sys\n" + HEAD + "    return {'environment': dict(os.environ), "
        "'found': [name for name in ('graftwork', 'graftwork_runner', 'pydantic', 'ctypes') "
        "if importlib.util.find_spec(name)], 'argv': sys.argv[1:], 'home': os.path.exists('/root'), "
        "'open': [n for n in range(5, 64) if _there(n)], 'isolated': [sys.flags.no_site, sys.flags.no_user_site, "
        "sys.flags.safe_path, sys.dont_write_bytecode]}\n"
        "def _there(n):\n    try: os.fstat(n)\n    except OSError: return False\n    return True\n"
    )
    async with benches.open() as bench:
        result = await bench.run(code, seeds=[{}])
    seen = json.loads(result.outcomes[0].record or "null")
    assert len(seen.pop("open")) == 1, "the end of the pipe that output fills"
    assert seen == {
        "environment": {},
        "found": [],
        "argv": [],
        "home": False,
        "isolated": [1, 1, True, True],
    }


@needs_bwrap
@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (
            "import sys; sys.setrecursionlimit(10**9)\n        f = lambda: f()\n        f()",
            "limit_exceeded timed_out crashed",  # whichever gives out first: memory, time or the stack
        ),
        ("import sys; sys.settrace(lambda *_: None)\n        while True: pass", "timed_out"),
        ("import signal; signal.pthread_sigmask(0, range(1, 65))\n        while True: pass", "timed_out"),
        ("import signal; signal.signal(14, signal.SIG_IGN)\n        while True: pass", "timed_out"),
        ("import re; re.match('(a+)+$', 'a' * 60 + 'b')", "timed_out"),
        ("import os; os.read(os.pipe()[0], 1)", "timed_out"),
        ("import asyncio; asyncio.get_running_loop().stop()\n        await asyncio.sleep(0)", "crashed"),
        ("import asyncio, sys; await asyncio.gather(asyncio.to_thread(sys.exit, 3))", "crashed"),
        ("import asyncio; asyncio.current_task().cancel()\n        await asyncio.sleep(0)", "crashed"),
        ("import os\n        while os.fork(): pass", "crashed"),
        ("import threading\n        while True: threading.Thread(target=input).start()", "crashed"),
        ("while True: kept.append(bytearray(1 << 20))", "limit_exceeded"),
    ],
)
async def test_what_no_limit_of_the_language_holds_is_held_from_outside(
    benches: Benches, harm: str, reason: str
) -> None:
    code = "kept = []\n" + HEAD + CALL + BAD + f"        {harm}\n" + RETURN
    async with benches.open(turn_seconds=0.5) as bench:
        result = await bench.run(code)
    reasons = [o.reason for o in result.outcomes]
    assert reasons.pop(2) in reason.split()
    assert reasons == [None] * 3


@needs_bwrap
async def test_an_exception_that_misbehaves_when_it_is_read_is_a_crash(bench: Bench) -> None:
    code = (
        "class Odd(Exception):\n    def __str__(self): raise SystemExit\n"
        "class Long(Exception):\n    pass\nLong.__name__ = 'x' * 10**6\n"
        + HEAD
        + "    raise (Odd if seed['topic'] == 'topic 0' else Long)('\\ud800' * 10**6)\n"
    )
    result = await bench.run(code)
    assert [o.reason for o in result.outcomes] == [FailureReason.CRASHED] * 4
    assert result.outcomes[0].detail == "Odd"
    assert result.outcomes[1].detail.startswith("xxxx")
    assert max(len(o.detail) for o in result.outcomes) <= 500
