"""What every model plane promises, asked of the fake, of a pod's inside, and of pods through gRPC."""

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import Alternative
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import Sampling
from graftwork.models.plane import prompt_sha256
from graftwork_solvers.endpoint import open_endpoint
from graftwork_solvers.gate import Gate
from graftwork_solvers.limit import Limit
from graftwork_solvers.pools import Pools
from graftwork_solvers.settings import SolversSettings
from graftwork_solvers.solver import Solver
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.engines import standin_engine
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

Script = Callable[[str], Awaitable[str]]
Stage = Callable[[Script], AbstractAsyncContextManager[ModelPlane]]

_POOLS = {"writer": {"model": "tiny", "models": ["other"]}}


@asynccontextmanager
async def fake(script: Script) -> AsyncIterator[ModelPlane]:
    yield FakePlane(
        lambda request: script(request.messages[-1].content), pools=[describe_fake("writer", "tiny", "other")]
    )


@asynccontextmanager
async def pod_inside(script: Script) -> AsyncIterator[ModelPlane]:
    async with scripted_settings(script) as settings:
        endpoint = open_endpoint(settings)
        gate = Gate(Limit(4, 64), settings.solvers_queue_length, retry_seconds=1)
        yield Solver(Pools(settings.pools, endpoint), endpoint, gate)
        await endpoint.close()


@asynccontextmanager
async def pod_through_grpc(script: Script) -> AsyncIterator[ModelPlane]:
    async with scripted_settings(script) as settings, running_pod(settings) as pod, client_of(pod) as client:
        yield client


@asynccontextmanager
async def vllm_pod(script: Script) -> AsyncIterator[ModelPlane]:
    engine = standin_engine(over_http(script), solvers_pools=_POOLS)
    async with engine as (_, settings), running_pod(settings) as pod, client_of(pod) as client:
        yield client


@asynccontextmanager
async def scripted_settings(script: Script) -> AsyncIterator[SolversSettings]:
    async with running_endpoint(over_http(script)) as endpoint:
        yield pod_settings(endpoint.url, solvers_pools=_POOLS)


def over_http(script: Script) -> Callable[[dict[str, Any]], Awaitable[web.Response]]:
    """The script as an endpoint tells it: each error by the HTTP status that means it."""

    async def chat(body: dict[str, Any]) -> web.Response:
        try:
            text = await script(body["messages"][-1]["content"])
        except Overloaded:
            return error_answer(429, "slow down")
        except DependencyDown:
            return error_answer(500, "broken")
        except ModelRefused:
            return error_answer(400, "this model's maximum context length is 8 tokens")
        count = body.get("n", 1)
        return chat_answer(*[text] * count, logprobs=[certain(text)] * count if body.get("logprobs") else ())

    return chat


def certain(text: str) -> list[dict[str, Any]]:
    """A token a character, each without an alternative."""
    return [{"token": letter, "logprob": 0, "top_logprobs": [{"token": letter, "logprob": 0}]} for letter in text]


@pytest.fixture(params=[fake, pod_inside, pod_through_grpc, vllm_pod], ids=lambda stage: stage.__name__)
def stage(request: pytest.FixtureRequest) -> Stage:
    found: Stage = request.param
    return found


async def echo(prompt: str) -> str:
    return f"you said {prompt}"


def asking(prompt: str = "hi", pool: str = "writer", **fields: Any) -> GenerateRequest:
    return GenerateRequest(pool=pool, messages=(Message(role="user", content=prompt),), **fields)


def failing(error: Exception) -> Script:
    async def script(_prompt: str) -> str:
        raise error

    return script


async def never(_prompt: str) -> str:
    await asyncio.Event().wait()
    raise AssertionError


async def test_answers_with_as_many_texts_as_asked_and_a_finish_reason_each(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking("naïve 🌱", n=3), timeout_seconds=10)

    assert generation.texts == ("you said naïve 🌱",) * 3
    assert generation.finish_reasons == ("stop",) * 3


async def test_counts_one_call_and_its_tokens(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking(), timeout_seconds=10)

    assert generation.usage.calls == 1
    assert generation.usage.prompt_tokens > 0
    assert generation.usage.completion_tokens > 0


async def test_tells_the_sampling_it_was_asked_with(stage: Stage) -> None:
    asked: dict[str, Any] = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 7, "seed": 3, "stop": ("END",)}

    async with stage(echo) as plane:
        told = [await plane.generate(asking(**fields), timeout_seconds=10) for fields in (asked, {})]

    assert [generation.sampling for generation in told] == [Sampling.model_validate(asked), Sampling()]


async def test_names_the_prompt_by_its_messages_and_schema(stage: Stage) -> None:
    schema = {"type": "object", "title": "naïve"}
    requests = [asking("naïve 🌱"), asking("naïve 🌱", seed=1), asking("naïve 🌱", json_schema=schema)]

    async with stage(echo) as plane:
        told = [(await plane.generate(request, timeout_seconds=10)).prompt_sha256 for request in requests]

    plain, structured = (prompt_sha256(requests[0].messages, wanted) for wanted in (None, schema))
    assert told == [plain, plain, structured]


async def test_the_logprobs_that_were_asked_for_spell_each_text(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking("naïve 🌱", n=2, logprobs=1), timeout_seconds=10)

    assert tuple("".join(token.token for token in tokens) for tokens in generation.logprobs) == generation.texts
    assert {token.top for tokens in generation.logprobs for token in tokens} == {
        (Alternative(token=token.token, logprob=0),) for tokens in generation.logprobs for token in tokens
    }


async def test_logprobs_and_thoughts_are_absent_where_there_are_none(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking(), timeout_seconds=10)

    assert (generation.logprobs, generation.reasonings) == ((), ())


async def test_names_the_revision_that_describe_names(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking(), timeout_seconds=10)
        described = await plane.describe("writer")

        embeddings = await plane.embed(EmbedRequest(pool="writer", texts=("x",)), timeout_seconds=10)

    assert generation.revision == embeddings.revision == described.revision


async def test_describes_the_default_model_first_and_the_others_after(stage: Stage) -> None:
    async with stage(echo) as plane:
        described = await plane.describe("writer")

    assert described.default_model == "tiny"
    assert [model.name for model in described.models] == ["tiny", "other"]


async def test_serves_a_model_on_the_allow_list(stage: Stage) -> None:
    async with stage(echo) as plane:
        generation = await plane.generate(asking("hi", model="other"), timeout_seconds=10)

    assert generation.texts == ("you said hi",)


async def test_does_not_know_a_model_off_the_list(stage: Stage) -> None:
    async with stage(echo) as plane:
        with pytest.raises(UnknownPool, match="gpt-99"):
            await plane.generate(asking(model="gpt-99"), timeout_seconds=10)


async def test_does_not_know_a_pool_that_is_not_there(stage: Stage) -> None:
    async with stage(echo) as plane:
        with pytest.raises(UnknownPool, match="nobody"):
            await plane.generate(asking(pool="nobody"), timeout_seconds=10)
        with pytest.raises(UnknownPool, match="nobody"):
            await plane.embed(EmbedRequest(pool="nobody", texts=("x",)), timeout_seconds=10)
        with pytest.raises(UnknownPool, match="nobody"):
            await plane.describe("nobody")


async def test_embeds_in_order_with_vectors_of_one_length(stage: Stage) -> None:
    async with stage(echo) as plane:
        embeddings = await plane.embed(EmbedRequest(pool="writer", texts=("one", "three", "one")), timeout_seconds=10)
        again = await plane.embed(EmbedRequest(pool="writer", texts=("three",)), timeout_seconds=10)

    first, second, third = embeddings.vectors
    assert first == third
    assert first != second
    assert second == again.vectors[0]
    assert len(first) == len(second)
    assert embeddings.usage.calls == 1


async def test_a_call_past_its_deadline_is_a_dependency_that_is_down(stage: Stage) -> None:
    async with stage(never) as plane:
        with pytest.raises(DependencyDown, match="in time"):
            await plane.generate(asking(), timeout_seconds=0.3)


@pytest.mark.parametrize("error", [Overloaded, DependencyDown, ModelRefused])
async def test_raises_what_went_wrong(stage: Stage, error: type[Exception]) -> None:
    async with stage(failing(error("no"))) as plane:
        with pytest.raises(error):
            await plane.generate(asking(), timeout_seconds=2)


async def test_gives_each_of_many_calls_its_own_answer(stage: Stage) -> None:
    async with stage(echo) as plane:
        asked = [plane.generate(asking(f"call {number}"), timeout_seconds=30) for number in range(40)]
        answered = await asyncio.gather(*asked)

    assert [generation.texts[0] for generation in answered] == [f"you said call {number}" for number in range(40)]


async def test_a_cancelled_call_ends_and_leaves_the_plane_usable(stage: Stage) -> None:
    started = asyncio.Event()

    async def slow_once(prompt: str) -> str:
        if prompt == "slow":
            started.set()
            return await never(prompt)
        return await echo(prompt)

    async with stage(slow_once) as plane:
        call = asyncio.ensure_future(plane.generate(asking("slow"), timeout_seconds=60))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        generation = await plane.generate(asking("quick"), timeout_seconds=10)

    assert generation.texts == ("you said quick",)
