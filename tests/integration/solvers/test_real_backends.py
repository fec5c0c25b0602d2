"""What every backend promises, asked of real models: llama.cpp behind ``openai``, and vLLM, on CPU or on a GPU."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import UnknownPool
from graftwork.models.client import SolverClient
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import Sampling
from tests.support.eventually import assert_eventually
from tests.support.real_backends import WEAK_SAMPLING
from tests.support.real_backends import Backend

pytestmark = pytest.mark.timeout(600)

COLOURS = "Name three colours."
UNREADABLE = r"^(?<=a)b$"  # no grammar can look back
ANIMAL = {
    "type": "object",
    "properties": {"animal": {"type": "string", "maxLength": 20}, "legs": {"enum": [2, 4, 6, 8]}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}
ENDLESS_TOKENS = 1500
RUNNING, PROMPT_TOKENS, TOKENS = "vllm:num_requests_running", "vllm:prompt_tokens_total", "vllm:generation_tokens_total"
CANARIES = "graftwork_solver_canaries_total"


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("openai", marks=pytest.mark.tiny),
        pytest.param("vllm", marks=pytest.mark.vllm),
        pytest.param("gpu", marks=pytest.mark.gpu),
    ],
)
def backend(request: pytest.FixtureRequest) -> Backend:
    found: Backend = request.getfixturevalue(f"{request.param}_pod")
    return found


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[SolverClient]:
    async with backend.client() as opened:
        yield opened


async def ask(client: SolverClient, prompt: str = COLOURS, pool: str = "generator", **fields: Any) -> Generation:
    """Greedy and short, unless told otherwise."""
    said = {"temperature": 0.0, "max_tokens": 16, **fields}
    request = GenerateRequest(pool=pool, messages=(Message(role="user", content=prompt),), **said)
    return await client.generate(request, timeout_seconds=240)


def only(answer: Any) -> dict[str, Any]:
    """A schema with one answer."""
    return {"type": "object", "properties": {"answer": {"enum": [answer]}}, "required": ["answer"]}


async def test_a_chat_is_answered_by_the_model_that_the_pool_describes(backend: Backend, client: SolverClient) -> None:
    described = await client.describe("generator", timeout_seconds=30)
    generation = await ask(client)

    [text] = generation.texts
    assert text.strip()
    assert generation.finish_reasons == ("length",)
    assert generation.model == described.default_model == backend.model
    assert generation.revision == described.revision
    assert generation.usage.calls == 1
    assert 10 < generation.usage.prompt_tokens < 100
    assert generation.usage.completion_tokens == 16
    assert generation.usage.cost_usd is None


async def test_several_texts_are_several(client: SolverClient) -> None:
    generation = await ask(client, "Invent a word.", n=3, temperature=1.0, seed=1)

    assert len(generation.texts) == len(generation.finish_reasons) == 3
    assert len(set(generation.texts)) > 1
    assert generation.usage.calls == 1


async def test_a_seed_names_a_text(client: SolverClient) -> None:
    seeds = (1, 2, 3, 1)
    texts = [(await ask(client, "Invent a word.", temperature=1.0, seed=seed)).texts[0] for seed in seeds]

    assert texts[3] == texts[0]
    assert len(set(texts)) == 3


async def test_a_stop_word_ends_a_text_and_is_no_part_of_it(client: SolverClient) -> None:
    [whole] = (await ask(client)).texts
    word = whole.split()[2]
    generation = await ask(client, stop=(word,))

    assert generation.texts == (whole.partition(word)[0],)
    assert generation.finish_reasons == ("stop",)


async def test_a_text_ends_at_its_limit(client: SolverClient) -> None:
    generation = await ask(client, "Tell me a long story.", max_tokens=5)

    assert generation.finish_reasons == ("length",)
    assert generation.usage.completion_tokens == 5
    assert generation.sampling == Sampling(temperature=0.0, max_tokens=5)


async def test_a_schema_is_obeyed(client: SolverClient) -> None:
    prompt = 'Name an animal as JSON, like {"animal": "ant", "legs": 6}.'
    generation = await ask(client, prompt, json_schema=ANIMAL, n=2, temperature=1.0, min_p=0.1, seed=3, max_tokens=60)

    answers = [json.loads(text) for text in generation.texts]
    assert [set(answer) for answer in answers] == [{"animal", "legs"}] * 2
    assert {answer["legs"] for answer in answers} <= {2, 4, 6, 8}
    assert generation.finish_reasons == ("stop", "stop")


async def test_a_schema_that_cannot_be_compiled_is_refused(backend: Backend, client: SolverClient) -> None:
    with pytest.raises(ModelRefused, match=r"(?i)schema|grammar"):
        await ask(client, json_schema={"type": "object", "properties": {"animal": {"type": "no such type"}}})
    unreadable = {"type": "object", "properties": {"animal": {"type": "string", "pattern": UNREADABLE}}}
    if backend.refuses_patterns:
        with pytest.raises(ModelRefused, match=r"(?i)schema|grammar|pattern|regex"):
            await ask(client, json_schema=unreadable)
    else:
        assert (await ask(client, json_schema=unreadable)).texts


async def test_every_token_has_its_probability_if_asked_for(client: SolverClient) -> None:
    generation = await ask(client, logprobs=3)

    [tokens] = generation.logprobs
    assert "".join(token.token for token in tokens).startswith(generation.texts[0])
    assert len(tokens) == generation.usage.completion_tokens
    for token in tokens:
        assert token.logprob <= 0
        assert token.top[0].token == token.token  # greedy
        assert len(token.top) == 3
        assert sum(math.exp(other.logprob) for other in token.top) < 1.01


async def test_no_probabilities_come_unasked(client: SolverClient) -> None:
    assert (await ask(client)).logprobs == ()


async def test_texts_of_one_meaning_are_embedded_closer_together(backend: Backend, client: SolverClient) -> None:
    texts = ("The cat sleeps on the sofa.", "A cat is sleeping on a couch.", "Interest rates rose by two percent.")
    request = EmbedRequest(pool="generator", texts=texts)
    if not backend.embeds:
        with pytest.raises(ModelRefused):
            await client.embed(request, timeout_seconds=90)
        return
    cat, couch, rates = (await client.embed(request, timeout_seconds=90)).vectors
    assert cosine(cat, couch) > cosine(cat, rates)


async def test_a_prompt_beyond_the_context_is_refused_and_not_sent_again(
    backend: Backend, client: SolverClient
) -> None:
    before = (await backend.pod.metrics()).get("graftwork_solver_calls_total", 0)
    with pytest.raises(ModelRefused, match="context"):
        await ask(client, "again and " * 20_000)

    assert (await backend.pod.metrics())["graftwork_solver_calls_total"] == before + 1


async def test_models_off_the_list_and_pools_that_are_not_there_are_unknown(client: SolverClient) -> None:
    with pytest.raises(UnknownPool, match="gpt-99"):
        await ask(client, model="gpt-99")
    with pytest.raises(UnknownPool, match="nobody"):
        await ask(client, pool="nobody")


async def test_any_script_goes_in_and_comes_out(client: SolverClient) -> None:
    words = "naïve 🌱 漢字 Ω"
    generation = await ask(client, f"Repeat: {words}", json_schema=only(words), max_tokens=80)

    assert json.loads(generation.texts[0]) == {"answer": words}


async def test_each_of_many_calls_at_once_gets_its_own_answer(client: SolverClient) -> None:
    asked = [ask(client, f"Say {number}.", json_schema=only(number), max_tokens=24) for number in range(100, 116)]
    answered = await asyncio.gather(*asked)

    answers = [json.loads(generation.texts[0])["answer"] for generation in answered]
    assert answers == list(range(100, 116))


async def test_a_fixed_pool_asks_as_its_settings_say(client: SolverClient) -> None:
    weak = [await ask(client, pool="weak", temperature=1.7, seed=seed, max_tokens=100) for seed in (1, 2)]
    free = await ask(client)

    assert weak[0].texts == weak[1].texts
    assert weak[0].sampling.model_dump(exclude_none=True, exclude={"seed", "stop"}) == WEAK_SAMPLING
    assert weak[0].usage.completion_tokens <= WEAK_SAMPLING["max_tokens"]
    assert weak[0].revision == weak[1].revision != free.revision
    assert weak[0].prompt_sha256 != free.prompt_sha256
    assert weak[0].usage.prompt_tokens != free.usage.prompt_tokens


async def test_a_fixed_pool_takes_no_system_message_beside_its_own(client: SolverClient) -> None:
    turns = (Message(role="system", content="Answer at length."), Message(role="user", content=COLOURS))
    with pytest.raises(ModelRefused, match="system"):
        await client.generate(GenerateRequest(pool="weak", messages=turns), timeout_seconds=60)


async def test_a_call_that_is_given_up_leaves_the_pod_usable_and_is_aborted_in_the_engine(
    backend: Backend, client: SolverClient
) -> None:
    before = await backend.pod.metrics()
    call = asyncio.ensure_future(ask(client, "Count.", pool="endless", max_tokens=ENDLESS_TOKENS))
    await assert_eventually(lambda: is_running(backend, 1), timeout_seconds=60)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    if backend.has_meters:
        after = await assert_eventually(lambda: is_running(backend, 0), timeout_seconds=60)
        assert after[TOKENS] - before[TOKENS] < ENDLESS_TOKENS
    assert (await ask(client)).texts


async def is_running(backend: Backend, calls: int) -> dict[str, float]:
    metrics = await backend.pod.metrics()
    assert metrics[RUNNING if backend.has_meters else "graftwork_solver_in_flight"] == calls
    return metrics


async def test_usage_is_what_the_engine_itself_counts(backend: Backend, client: SolverClient) -> None:
    if not backend.has_meters:
        generation = await ask(client, "Count.", pool="endless", max_tokens=9, n=2)
        assert generation.usage.completion_tokens == 18
        return
    before, generation, after = await assert_eventually(lambda: without_a_canary(backend, client), timeout_seconds=120)

    # The engine reads a prompt once for each text, and nobody pays for the same prompt again.
    assert after[PROMPT_TOKENS] - before[PROMPT_TOKENS] == 3 * generation.usage.prompt_tokens
    assert after[TOKENS] - before[TOKENS] == generation.usage.completion_tokens


async def without_a_canary(
    backend: Backend, client: SolverClient
) -> tuple[dict[str, float], Generation, dict[str, float]]:
    """A call alone in the engine, with its meters before and after."""
    before = await is_running(backend, 0)
    generation = await ask(client, "Invent a word.", n=3, temperature=1.0)
    after = await assert_eventually(lambda: is_running(backend, 0))
    assert after.get(CANARIES) == before.get(CANARIES)  # nobody sang, or as often as before
    return before, generation, after


async def test_an_adapter_is_another_model_of_its_name(backend: Backend, client: SolverClient) -> None:
    if backend.adapter is None:
        pytest.skip("the checkpoint, or the backend, has no adapter")
    described = await client.describe("generator", timeout_seconds=30)
    plain = await ask(client)
    adapted = [await ask(client, model=backend.adapter) for _ in range(2)]

    assert [model.name for model in described.models] == [backend.model, backend.adapter]
    assert adapted[0].model == backend.adapter
    assert adapted[0].texts == adapted[1].texts
    assert adapted[0].texts != plain.texts
    assert adapted[0].revision != plain.revision


def cosine(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    product = sum(one * other for one, other in zip(left, right, strict=True))
    return product / (math.hypot(*left) * math.hypot(*right))
