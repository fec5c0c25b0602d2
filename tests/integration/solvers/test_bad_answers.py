"""Answers that make no sense, and those that only look so: what a caller is told, and that the next one is served."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from aiohttp import web

from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.bootstrap import Pod
from tests.support.endpoints import Answer
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import chat_answer
from tests.support.endpoints import running_endpoint
from tests.support.endpoints import says_hello
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod
from tests.support.raw import generated
from tests.support.raw import message
from tests.support.raw import refused
from tests.support.streams import BrokenAnswer
from tests.support.streams import EndlessAnswer
from tests.support.streams import noisy_server

LIMITED = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),), max_tokens=100)
PRICED = {"generator": {"model": "tiny", "prices": {"tiny": {"prompt_usd_per_mtok": 1, "completion_usd_per_mtok": 2}}}}
GOOD = {"index": 0, "message": {"content": "good"}, "finish_reason": "stop"}


@asynccontextmanager
async def pod_before(chat: Answer, **settings: Any) -> AsyncIterator[tuple[Pod, ScriptedEndpoint]]:
    """One place only: a call that does not give its place back is found out by the next."""
    one = {"solvers_concurrency": 1, "solvers_first_concurrency": 1, "solvers_probe_seconds": 0.0}
    async with (
        running_endpoint(chat) as endpoint,
        running_pod(pod_settings(endpoint.url, solvers_pools=PRICED, **one, **settings)) as pod,
    ):
        yield pod, endpoint


def body(raw: bytes | str, *, status: int = 200, kind: str = "application/json", encoding: str = "identity") -> Answer:
    async def chat(_body: dict[str, Any]) -> web.StreamResponse:
        text = raw.encode() if isinstance(raw, str) else raw
        return web.Response(status=status, body=text, content_type=kind, headers={"content-encoding": encoding})

    return chat


def choices(*found: Any, **fields: Any) -> Answer:
    return body(json.dumps({"choices": found, "usage": {"prompt_tokens": 1}, **fields}))


async def breaks_off(_body: dict[str, Any]) -> web.StreamResponse:
    """Close the connection without a word."""
    raise ConnectionResetError


def dies(*, promised_bytes: int | None) -> Answer:
    async def chat(_body: dict[str, Any]) -> web.StreamResponse:
        return BrokenAnswer(b'{"choices": [{"message": {"content": "hal', promised_bytes=promised_bytes)

    return chat


NONSENSE = {
    "HTML": body("<html>502 Bad Gateway</html>", kind="text/html"),
    "half JSON": body('{"choices": [{"message": {"cont'),
    "nothing": body(b""),
    "no content": body(b"", status=204),
    "a list": body("[]"),
    "no UTF-8": body(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "half a character": body(b'{"choices": [{"message": {"content": "\\ud800"}}]}'),
    "no choices": body("{}"),
    "empty choices": choices(),
    "a choice without message": choices({"index": 0, "finish_reason": "stop"}),
    "a message that is a number": choices({"message": 5}),
    "a choice that is null": choices(None),
    "an error in a 200": body('{"error": {"message": "upstream died", "code": 502}}'),
    "an error in a choice": choices({**GOOD, "error": {"message": "upstream died", "code": 502}}),
    "no gzip": body(b"plain", encoding="gzip"),
    "a bomb": body(gzip.compress(b" " * 100_000_000), encoding="gzip"),
    "500": body("oops", status=500),
    "100 MB": body(b" " * 100_000_000),
    "100 MB of text": body(b'{"choices": [{"message": {"content": "' + b"x" * 100_000_000 + b'"}}]}'),
    "a connection that breaks": breaks_off,
    "an engine that dies in its answer": dies(promised_bytes=1000),
    "an engine that dies in a chunked answer": dies(promised_bytes=None),
    "nested a thousandfold": body("[" * 100_000),
}


@pytest.mark.parametrize("chat", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_an_endpoint_that_does_not_answer(chat: Answer) -> None:
    async with pod_before(chat) as (pod, endpoint):
        status = await refused(pod, message())
        endpoint.chat = says_hello
        after = await generated(pod, message())

    assert (status.code, status.reason) == (grpc.StatusCode.UNAVAILABLE, "dependency_down")
    assert status.words.startswith("the endpoint")
    assert after.choices[0].text == "hello"


@pytest.mark.parametrize(
    "noise",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: minus\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n",
        b"",
    ],
    ids=["SSH", "TLS", "endless header", "wrong length", "wrong chunk", "silence"],
)
async def test_what_is_no_http_is_an_endpoint_that_does_not_answer(noise: bytes) -> None:
    async with noisy_server(noise) as url:
        settings = pod_settings(url, solvers_pools=PRICED, solvers_probe_seconds=0.0)
        async with running_pod(settings) as pod:
            status = await refused(pod, message())

    assert (status.code, status.reason) == (grpc.StatusCode.UNAVAILABLE, "dependency_down")
    assert status.words.startswith(f"the endpoint {url} does not answer")


REFUSALS = {
    "moved": body(b"", status=308),
    "found": body(b"", status=302),
    "not modified": body(b"", status=304),
    "payment required": body("pay", status=402),
    "no such path": body("<html>Not Found</html>", status=404, kind="text/html"),
    "method not allowed": body(b"", status=405),
    "teapot": body(b"\xff\xfe", status=418),
}


@pytest.mark.parametrize("chat", REFUSALS.values(), ids=REFUSALS)
async def test_what_another_try_would_not_change_is_refused_at_once(chat: Answer) -> None:
    async with pod_before(chat) as (pod, endpoint):
        status = await refused(pod, message())
        heard = len(endpoint.bodies)
        endpoint.chat = says_hello
        after = await generated(pod, message())

    assert (status.code, status.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "model_refused")
    assert heard == 1
    assert after.choices[0].text == "hello"


TAKEN = {
    "plain text by name": (body(json.dumps({"choices": [GOOD]}), kind="text/plain"), ["good"]),
    "HTML by name": (body(json.dumps({"choices": [GOOD]}), kind="text/html"), ["good"]),
    "empty lines first": (body("\n\n  \n" + json.dumps({"choices": [GOOD]})), ["good"]),
    "one index twice": (choices(GOOD, {**GOOD, "message": {"content": "too"}}), ["good", "too"]),
    "out of order": (choices({**GOOD, "index": 1}, {**GOOD, "message": {"content": "0"}}), ["0", "good"]),
    "odd indices": (choices({**GOOD, "index": 9**20}, {**GOOD, "index": -1}), ["good", "good"]),
    "unknown fields": (choices({**GOOD, "mood": "fine"}, {**GOOD, "index": 1}, weather=[]), ["good", "good"]),
    "no content": (choices({"message": {"content": None}}, {"message": {}}), ["", ""]),
    "more than asked for": (choices(GOOD, GOOD, GOOD), ["good", "good"]),
    "a whole emoji": (choices({"message": {"content": "\U0001f331"}}, GOOD), ["\U0001f331", "good"]),
}


@pytest.mark.parametrize(("chat", "texts"), TAKEN.values(), ids=TAKEN)
async def test_what_is_only_unusual_is_taken(chat: Answer, texts: list[str]) -> None:
    async with pod_before(chat) as (pod, _):
        answer = await generated(pod, message(n=len(texts)))

    assert [choice.text for choice in answer.choices] == texts


@pytest.mark.parametrize(
    ("usage", "completion"),
    [
        (None, 6),
        ({}, 6),
        ("lots", 6),
        ({"prompt_tokens": 7, "completion_tokens": -2}, 6),
        ({"prompt_tokens": -7, "completion_tokens": 2}, 6),
        ({"prompt_tokens": 7, "completion_tokens": "two"}, 6),
        ({"prompt_tokens": 7, "completion_tokens": 10**30}, 6),
        ({"prompt_tokens": 10**19, "completion_tokens": 2}, 6),
        ({"prompt_tokens": 7, "completion_tokens": 2.5}, 6),
        ({"prompt_tokens": 7, "completion_tokens": "2"}, 2),
        ({"prompt_tokens": 7, "completion_tokens": 2.0}, 2),
        ({"prompt_tokens": 7, "completion_tokens": 5000}, 5000),
        ({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 60}, 53),
    ],
    ids=str,
)
async def test_a_wrong_usage_costs_the_upper_bound_and_a_high_one_what_it_says(usage: Any, completion: int) -> None:
    async def chat(_body: dict[str, Any]) -> web.StreamResponse:
        return chat_answer("hello", usage=usage)

    async with pod_before(chat) as (pod, _), client_of(pod) as client:
        used = (await client.generate(LIMITED, timeout_seconds=20)).usage

    assert used.completion_tokens == completion
    assert used.prompt_tokens >= 7
    assert used.cost_usd == pytest.approx((used.prompt_tokens + 2 * used.completion_tokens) / 1_000_000)


async def test_an_endless_answer_ends_with_the_deadline_and_frees_its_place() -> None:
    async def dribbles(_body: dict[str, Any]) -> web.StreamResponse:
        return EndlessAnswer()

    async with pod_before(dribbles, solvers_longest_call_seconds=1.0) as (pod, endpoint):
        status = await refused(pod, message())
        endpoint.chat = says_hello
        after = await generated(pod, message())

    assert (status.code, status.reason) == (grpc.StatusCode.UNAVAILABLE, "dependency_down")
    assert "did not answer in time (1 s)" in status.words
    assert after.choices[0].text == "hello"
