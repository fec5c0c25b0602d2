"""What comes beside a text: thoughts and logprobs, from endpoints that give, ignore and refuse them."""

from typing import Any

import pytest
from aiohttp import web

from graftwork.kit.errors import ModelRefused
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import TokenLogprob
from tests.support.endpoints import Answer
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

TOLD = [{"token": "he", "logprob": -0.25, "bytes": [104, 101]}, {"token": "llo", "logprob": -0.5}]


async def asked(chat: Answer, **fields: Any) -> Generation:
    request = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),), **fields)
    async with (
        running_endpoint(chat) as endpoint,
        running_pod(pod_settings(endpoint.url)) as pod,
        client_of(pod) as client,
    ):
        return await client.generate(request, timeout_seconds=10)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_thoughts_arrive_beside_their_texts(name: str) -> None:
    async def thoughtful(body: dict[str, Any]) -> web.Response:
        number = body.get("n", 1)
        messages = [{"content": f"text {index}", name: f"thought {index}"} for index in range(number - 1)]
        messages.append({"content": "without a thought"})
        choices = [{"index": index, "message": message} for index, message in enumerate(messages)]
        return web.json_response({"choices": choices})

    generation = await asked(thoughtful, n=3)

    assert generation.texts == ("text 0", "text 1", "without a thought")
    assert generation.reasonings == ("thought 0", "thought 1", "")


async def test_thoughts_of_texts_asked_for_one_by_one_stay_with_their_texts() -> None:
    thoughts = iter(("first", "", "third"))

    async def one_at_a_time(_body: dict[str, Any]) -> web.Response:
        thought = next(thoughts)
        return web.json_response({"choices": [{"message": {"content": f"after {thought}", "reasoning": thought}}]})

    generation = await asked(one_at_a_time, n=3)

    assert generation.texts == ("after first", "after ", "after third")
    assert generation.reasonings == ("first", "", "third")


async def test_logprobs_that_were_asked_for_arrive() -> None:
    async def tells(body: dict[str, Any]) -> web.Response:
        assert (body["logprobs"], body["top_logprobs"]) == (True, 0)
        return chat_answer("hello", logprobs=[TOLD])

    generation = await asked(tells, logprobs=0)

    assert generation.logprobs == ((TokenLogprob(token="he", logprob=-0.25), TokenLogprob(token="llo", logprob=-0.5)),)


async def test_logprobs_that_nobody_asked_for_are_left_out() -> None:
    async def tells_anyway(_body: dict[str, Any]) -> web.Response:
        return chat_answer("hello", logprobs=[TOLD])

    assert (await asked(tells_anyway)).logprobs == ()


async def test_an_endpoint_that_ignores_the_wish_for_logprobs_gives_none() -> None:
    async def ignores(_body: dict[str, Any]) -> web.Response:
        return chat_answer("hello")

    generation = await asked(ignores, logprobs=5)

    assert (generation.texts, generation.logprobs) == (("hello",), ())


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Unsupported parameter: 'logprobs'", "param": "logprobs", "code": "unsupported_parameter"},
        {"message": "top_logprobs must be at most 0", "type": "BadRequestError", "code": 400},
    ],
)
async def test_an_endpoint_that_refuses_logprobs_is_heard_and_not_asked_without_them(error: dict[str, Any]) -> None:
    heard = []

    async def refuses(body: dict[str, Any]) -> web.Response:
        heard.append(body)
        return error_answer(400, **error)

    with pytest.raises(ModelRefused, match="logprobs"):
        await asked(refuses, logprobs=5)

    assert len(heard) == 1
