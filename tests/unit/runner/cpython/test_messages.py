"""What a worker says is heard only if it is exactly what a worker of ours could say."""

import asyncio
import json
import struct
from typing import Any

import pytest

from graftwork_runner.cpython import messages
from graftwork_runner.cpython.errors import ProtocolBroken
from graftwork_runner.cpython.frames import frame
from graftwork_runner.cpython.frames import read_frame

ASK = {"type": "ask", "call": 1, "seed": 0, "name": "draft", "variables": "{}", "wants_json": False}


def reader(content: bytes) -> asyncio.StreamReader:
    made = asyncio.StreamReader()
    made.feed_data(content)
    made.feed_eof()
    return made


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (ASK, messages.Ask(type="ask", call=1, seed=0, name="draft", variables="{}", wants_json=False)),
        ({"type": "rest", "timers": True}, messages.Rest(type="rest", timers=True)),
        ({"type": "where", "lines": [[3, "f"]]}, messages.Where(type="where", lines=[(3, "f")])),
        ({"type": "ended"}, messages.Ended(type="ended")),
    ],
)
async def test_what_our_worker_says_is_heard(said: dict[str, Any], heard: messages.AnyMessage) -> None:
    assert messages.parse(await read_frame(reader(frame(said)), 1_000)) == heard


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("null", "message"),
        ("[]", "message"),
        ("{}", "type"),
        ('{"type": "shutdown"}', "shutdown"),
        ('{"type": "ended", "more": 1}', "more"),
        ('{"type": "rest"}', "timers"),
        ('{"type": "rest", "timers": 1}', "valid boolean"),
        ('{"type": "rest", "timers": NaN}', "NaN is not JSON"),
        ('{"type": "rest", "type": "ended"}', "same key twice"),
        ('{"type": "dropped", "call": -1}', "greater than or equal"),
        ('{"type": "dropped", "call": true}', "valid integer"),
        ('{"type": "dropped", "call": 1.0}', "valid integer"),
        ('{"type": "dropped", "call": "1"}', "valid integer"),
        ('{"type": "dropped", "call": 4294967296}', "less than"),
        ('{"type": "dropped", "call": %s}' % ("9" * 5_000), "5000 digits"),
        ('{"type": "dropped", "call": 1e999}', "too large"),
        ('{"type": "done", "seed": 0, "record": "\\ud800"}', "lone surrogate"),
        ('{"type": "done", "seed": 0, "record": {}}', "valid string"),
        (json.dumps({**ASK, "name": "x" * 4_001}), "at most 4000"),
        (json.dumps({"type": "where", "lines": [[1, "f"]] * 13}), "at most 12"),
        (json.dumps({"type": "where", "lines": [[1, "f", 2]]}), "lines"),
        (json.dumps({"type": "where", "lines": [[[[[1]]]]]}), "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps({"type": "where", "lines": [[]] * 1_000}), "too many values"),
    ],
)
def test_anything_else_breaks_the_protocol(text: str, why: str) -> None:
    with pytest.raises(ProtocolBroken, match=why):
        messages.parse(text)


async def test_a_frame_longer_than_allowed_is_not_waited_for() -> None:
    with pytest.raises(ProtocolBroken, match=r"4,294,967,295 bytes; at most 1,000 are allowed"):
        await read_frame(reader(struct.pack(">I", 2**32 - 1)), 1_000)


async def test_a_frame_that_is_not_text_breaks_the_protocol() -> None:
    with pytest.raises(ProtocolBroken, match="not UTF-8"):
        await read_frame(reader(struct.pack(">I", 2) + b"\xff\xfe"), 1_000)


@pytest.mark.parametrize("content", [b"", b"\0\0", struct.pack(">I", 10) + b"short"])
async def test_a_frame_that_ends_early_is_the_end(content: bytes) -> None:
    with pytest.raises(EOFError):
        await read_frame(reader(content), 1_000)
