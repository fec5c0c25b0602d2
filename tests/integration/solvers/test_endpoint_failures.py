"""An endpoint that misbehaves, seen by a caller on the other side of gRPC."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from tests.support.endpoints import Answer
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_at
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

KEY = "sk-never-to-be-seen-0123456789"
REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),), max_tokens=100)


@asynccontextmanager
async def asked(
    chat: Answer, *, attempts: int = 3, **settings: Any
) -> AsyncIterator[tuple[SolverClient, ScriptedEndpoint]]:
    """A client of a pod in front of an endpoint that answers chats so."""
    async with running_endpoint(chat) as endpoint:
        whole = pod_settings(endpoint.url, api_key=KEY, **settings)
        async with running_pod(whole) as pod, client_of(pod, unavailable_attempts=attempts) as client:
            yield client, endpoint


async def generation_by(chat: Answer, request: GenerateRequest = REQUEST, **settings: Any) -> Generation:
    async with asked(chat, **settings) as (client, _):
        return await client.generate(request, timeout_seconds=10)


async def error_by(chat: Answer) -> GraftworkError:
    async with asked(chat, solvers_probe_seconds=0, attempts=1) as (client, _):
        with pytest.raises(GraftworkError) as raised:
            await client.generate(REQUEST, timeout_seconds=30)
    return raised.value


def always(make: Any) -> Answer:
    async def chat(_body: dict[str, Any]) -> web.StreamResponse:
        response: web.StreamResponse = make()
        return response

    return chat


async def test_a_passing_failure_is_retried_out_of_sight() -> None:
    answers = [error_answer(500, "hiccup"), error_answer(429, "slow", {"retry-after-ms": "10"}), chat_answer("at last")]

    async def recovers(_body: dict[str, Any]) -> web.Response:
        return answers.pop(0)

    assert (await generation_by(recovers)).texts == ("at last",)


async def test_the_wait_that_a_full_endpoint_asks_for_reaches_the_caller() -> None:
    error = await error_by(always(lambda: error_answer(429, "slow", {"retry-after": "77"})))

    assert isinstance(error, Overloaded)
    assert error.retry_after_seconds == 77


async def test_a_prompt_beyond_the_context_is_refused_in_the_endpoint_s_words() -> None:
    words = "This model's maximum context length is 2048 tokens. Please reduce the length of the messages."

    error = await error_by(always(lambda: error_answer(400, words, code="context_length_exceeded")))

    assert isinstance(error, ModelRefused)
    assert words in str(error)


async def test_a_refused_call_is_not_sent_twice() -> None:
    async with asked(always(lambda: error_answer(422, "no"))) as (client, endpoint):
        with pytest.raises(ModelRefused):
            await client.generate(REQUEST, timeout_seconds=10)

        assert len(endpoint.bodies) == 1


async def test_a_refused_key_names_its_variable() -> None:
    error = await error_by(always(lambda: error_answer(401, f"Incorrect API key provided: {KEY}")))

    assert isinstance(error, ModelRefused)
    assert "OPENAI_API_KEY" in str(error)


async def test_an_answer_cut_by_the_token_limit_says_so() -> None:
    cut = {"index": 0, "message": {"content": "half a sen"}, "finish_reason": "length"}

    answer = await generation_by(always(lambda: chat_answer("x", choices=[cut])))

    assert (answer.texts, answer.finish_reasons) == (("half a sen",), ("length",))


async def test_reasoning_is_kept_out_of_the_text() -> None:
    thoughtful = {"index": 0, "message": {"content": "4", "reasoning_content": "2 and 2"}, "finish_reason": "stop"}

    answer = await generation_by(always(lambda: chat_answer("x", choices=[thoughtful])))

    assert answer.texts == ("4",)


async def test_a_reasoning_model_is_understood_after_its_first_refusals() -> None:
    async def reasoning_model(body: dict[str, Any]) -> web.Response:
        if "max_tokens" in body:
            return error_answer(400, "use the other one", code="unsupported_parameter", param="max_tokens")
        if "temperature" in body:
            return error_answer(400, "only the default", code="unsupported_value", param="temperature")
        return chat_answer("thought through")

    warm = REQUEST.model_copy(update={"temperature": 0.7})
    async with asked(reasoning_model) as (client, endpoint):
        first = await client.generate(warm, timeout_seconds=10)
        after_lessons = len(endpoint.bodies)
        await client.generate(warm, timeout_seconds=10)

    assert first.texts == ("thought through",)
    assert after_lessons == 3
    assert len(endpoint.bodies) == 4
    assert endpoint.bodies[-1]["max_completion_tokens"] == 100


async def test_an_endpoint_that_ignores_n_is_asked_again_with_another_seed() -> None:
    async def one_at_a_time(body: dict[str, Any]) -> web.Response:
        return chat_answer(f"seed {body['seed']}")

    several = REQUEST.model_copy(update={"n": 3, "seed": 5})

    answer = await generation_by(one_at_a_time, several)

    assert answer.texts == ("seed 5", "seed 6", "seed 7")
    assert answer.usage.calls == 1
    assert answer.usage.prompt_tokens == 21


async def test_the_request_reaches_the_endpoint_with_its_schema() -> None:
    schema = {"type": "object", "properties": {"score": {"enum": [1, 2]}}}
    async with asked(always(lambda: chat_answer(json.dumps({"score": 1})))) as (client, endpoint):
        named = REQUEST.model_copy(update={"json_schema": schema, "schema_name": "score_sample"})
        await client.generate(named, timeout_seconds=10)

    assert endpoint.bodies[0]["response_format"]["json_schema"] == {
        "name": "score_sample",
        "schema": schema,
        "strict": False,
    }


async def test_a_priced_model_tells_its_cost_and_another_does_not() -> None:
    pools = {
        "generator": {
            "model": "tiny",
            "models": ["unpriced"],
            "prices": {"tiny": {"prompt_usd_per_mtok": 1e6, "completion_usd_per_mtok": 1e6}},
        }
    }
    async with asked(always(lambda: chat_answer("x")), solvers_pools=pools) as (client, _):
        priced = await client.generate(REQUEST, timeout_seconds=10)
        unpriced = await client.generate(REQUEST.model_copy(update={"model": "unpriced"}), timeout_seconds=10)

    assert priced.usage.cost_usd == 9.0
    assert unpriced.usage.cost_usd is None


async def test_no_pod_at_the_address_is_a_dependency_that_is_down() -> None:
    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod:
        gone = f"127.0.0.1:{pod.grpc_port}"

    async with client_at(gone) as client:
        with pytest.raises(DependencyDown, match="generator"):
            await client.generate(REQUEST, timeout_seconds=5)


async def test_a_message_over_the_limit_is_refused_and_the_pod_stays_up() -> None:
    huge = GenerateRequest(pool="generator", messages=(Message(role="user", content="x" * (33 * 2**20)),))
    async with asked(always(lambda: chat_answer("still here"))) as (client, _):
        with pytest.raises(ModelRefused, match="larger than max"):
            await client.generate(huge, timeout_seconds=10)
        after = await client.generate(REQUEST, timeout_seconds=10)

    assert after.texts == ("still here",)


async def test_a_caller_that_gives_up_hangs_up_at_the_endpoint() -> None:
    async def never(_body: dict[str, Any]) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with asked(never) as (client, endpoint):
        call = asyncio.ensure_future(client.generate(REQUEST, timeout_seconds=60))
        await endpoint.arrived.wait()
        call.cancel()
        await asyncio.wait_for(endpoint.hung_up.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_deadline_reaches_the_endpoint() -> None:
    async def never(_body: dict[str, Any]) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with asked(never) as (client, endpoint):
        with pytest.raises(DependencyDown, match="in time"):
            await client.generate(REQUEST, timeout_seconds=2)
        await asyncio.wait_for(endpoint.hung_up.wait(), 10)
