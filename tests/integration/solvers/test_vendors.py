"""Endpoints of many vendors: naming URL, key and model has to be enough for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from aiohttp import web

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import ParameterRefused
from tests.support.endpoints import Answer
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod
from tests.support.raw import generated
from tests.support.raw import message
from tests.support.raw import refused
from tests.support.vendor_errors import ERRORS
from tests.support.vendor_errors import Said
from tests.support.vendors import BLUE
from tests.support.vendors import SKY
from tests.support.vendors import VENDORS
from tests.support.vendors import Vendor

# Everything that can be asked at once.
REQUEST = GenerateRequest(
    pool="generator",
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="What colour is the sky?")),
    temperature=0.7,
    top_p=0.9,
    min_p=0.05,
    repeat_penalty=1.1,
    max_tokens=200,
    n=2,
    seed=5,
    stop=("END",),
    json_schema=SKY,
    schema_name="sky",
)
KEY = "sk-0123456789abcdef"
PLAIN = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),))
STATUSES = {
    Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded"),
    DependencyDown: (grpc.StatusCode.UNAVAILABLE, "dependency_down"),
    UnknownPool: (grpc.StatusCode.NOT_FOUND, "unknown_pool"),
    **dict.fromkeys((ModelRefused, KeyRefused, ParameterRefused), (grpc.StatusCode.INVALID_ARGUMENT, "model_refused")),
}


@asynccontextmanager
async def asked(chat: Answer) -> AsyncIterator[tuple[SolverClient, ScriptedEndpoint]]:
    """A pod in front of an endpoint, as somebody sets it up who knows URL, key and model."""
    async with running_endpoint(chat) as endpoint:
        settings = pod_settings(endpoint.url, api_key=KEY, models={"generator": "big"})
        async with running_pod(settings) as pod, client_of(pod, unavailable_attempts=1) as client:
            yield client, endpoint


def sent(body: dict[str, Any]) -> set[str]:
    return body.keys() - {"messages"}


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
async def test_url_key_and_model_are_enough(vendor: Vendor) -> None:
    async with asked(vendor.chat) as (client, endpoint):
        await client.generate(REQUEST, timeout_seconds=20)  # which may be the first lesson
        learnt = len(endpoint.bodies)
        answer = await client.generate(REQUEST, timeout_seconds=20)

    calls = len(endpoint.bodies) - learnt
    asked_at_once = "n" in vendor.sends and not vendor.writes_one
    assert answer.texts == (BLUE, BLUE)
    assert answer.model == "big-0815"
    assert calls == (1 if asked_at_once else 2)
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == tuple(calls * bill for bill in vendor.bills)
    assert learnt == vendor.lessons + calls
    assert sent(endpoint.bodies[learnt]) == vendor.sends


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor.lessons], ids=str)
async def test_calls_under_way_at_once_learn_together(vendor: Vendor) -> None:
    calls = 4

    async with asked(vendor.chat) as (client, endpoint):
        at_once = (client.generate(REQUEST, timeout_seconds=20) for _ in range(calls))
        first = await asyncio.gather(*at_once)
        answer = await client.generate(REQUEST, timeout_seconds=20)

    assert [len(one.texts) for one in first] == [2] * calls
    assert answer.texts == (BLUE, BLUE)
    assert sent(endpoint.bodies[-1]) <= vendor.sends


@pytest.mark.parametrize("said", ERRORS, ids=str)
async def test_what_a_vendor_refuses_is_a_status_with_details(said: Said) -> None:
    async def refuses(_body: dict[str, Any]) -> web.StreamResponse:
        return said.response()

    async with running_endpoint(refuses) as endpoint:
        settings = pod_settings(endpoint.url, api_key=KEY, models={"generator": "big"})
        async with running_pod(settings) as pod:
            status = await refused(pod, message())
            heard = len(endpoint.bodies)
            endpoint.chat = VENDORS[0].chat
            after = await generated(pod, message())

    code, reason = STATUSES[said.meaning]
    assert (status.code, status.reason) == (code, reason)
    assert status.wait_seconds == pytest.approx(said.wait)
    assert said.words in status.words
    assert heard == 1
    assert after.choices[0].text == "It is blue."


async def test_anthropic_s_own_door_needs_no_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {vendor.name: vendor for vendor in VENDORS}

    async with running_endpoint(named["Claude, behind a router"].chat) as endpoint:
        monkeypatch.setenv("http_proxy", endpoint.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        settings = pod_settings("http://api.anthropic.com/v1", api_key=KEY, models={"generator": "big"})
        async with running_pod(settings) as pod, client_of(pod, unavailable_attempts=1) as client:
            answer = await client.generate(REQUEST.model_copy(update={"top_p": None}), timeout_seconds=20)

    assert answer.texts == (BLUE, BLUE)
    assert ["n" in body for body in endpoint.bodies] == [False, False]
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert endpoint.listings[0]["x-api-key"] == KEY
    assert endpoint.listings[0]["anthropic-version"] == "2023-06-01"
    assert "authorization" not in endpoint.listings[0]


async def test_a_stop_that_an_endpoint_does_not_take_ends_the_text_all_the_same() -> None:
    reasoning = next(vendor for vendor in VENDORS if vendor.name == "OpenAI, reasoning")

    async with asked(reasoning.chat) as (client, _):
        answer = await client.generate(PLAIN.model_copy(update={"stop": (" is", "blue")}), timeout_seconds=20)

    assert answer.texts == ("It",)


async def test_thoughts_are_kept_apart_under_either_name() -> None:
    named = {vendor.name: vendor for vendor in VENDORS}
    thoughts = []

    for name in ("DeepSeek", "OpenRouter"):
        async with asked(named[name].chat) as (client, _):
            thoughts.append((await client.generate(PLAIN, timeout_seconds=20)).reasonings)

    assert thoughts == [("The sky? Blue.",)] * 2
