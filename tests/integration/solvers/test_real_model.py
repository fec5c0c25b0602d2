"""A pod in front of a real model server: llama.cpp with the bundled tiny model."""

import json
import math

import pytest

from graftwork.kit.errors import ModelRefused
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

pytestmark = pytest.mark.tiny

SCHEMA = {
    "type": "object",
    "properties": {"animal": {"type": "string", "maxLength": 20}, "legs": {"enum": [2, 4, 6, 8]}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}
REQUEST = GenerateRequest(
    pool="generator",
    messages=(Message(role="user", content='Name an animal as JSON, like {"animal": "ant", "legs": 6}.'),),
    temperature=1.0,
    min_p=0.1,
    repeat_penalty=1.1,
    max_tokens=60,
    seed=3,
    json_schema=SCHEMA,
    schema_name="animal",
)


async def test_it_answers_by_the_schema_counts_tokens_and_tells_its_model(tiny_model_url: str) -> None:
    async with running_pod(pod_settings(tiny_model_url)) as pod, client_of(pod) as client:
        described = await client.describe("generator", timeout_seconds=30)
        generation = await client.generate(REQUEST.model_copy(update={"n": 2}), timeout_seconds=90)

    answers = [json.loads(text) for text in generation.texts]
    assert [set(answer) for answer in answers] == [{"animal", "legs"}] * 2
    assert {answer["legs"] for answer in answers} <= {2, 4, 6, 8}
    assert generation.finish_reasons == ("stop", "stop")
    assert 10 < generation.usage.prompt_tokens < 500
    assert 5 < generation.usage.completion_tokens <= 120
    assert generation.usage.cost_usd is None
    assert described.default_model


async def test_it_embeds_texts_of_one_meaning_closer_together(tiny_model_url: str) -> None:
    texts = ("The cat sleeps on the sofa.", "A cat is sleeping on a couch.", "Interest rates rose by two percent.")
    async with running_pod(pod_settings(tiny_model_url)) as pod, client_of(pod) as client:
        embeddings = await client.embed(EmbedRequest(pool="generator", texts=texts), timeout_seconds=90)

    cat, couch, rates = embeddings.vectors
    assert cosine(cat, couch) > cosine(cat, rates)


async def test_a_prompt_beyond_its_context_is_refused_and_not_retried(tiny_model_url: str) -> None:
    endless = REQUEST.model_copy(update={"messages": (Message(role="user", content="again and " * 20_000),)})
    async with running_pod(pod_settings(tiny_model_url)) as pod, client_of(pod) as client:
        with pytest.raises(ModelRefused, match="context"):
            await client.generate(endless, timeout_seconds=90)


def cosine(left: tuple[float, ...], right: tuple[float, ...]) -> float:
    product = sum(one * other for one, other in zip(left, right, strict=True))
    return product / (math.hypot(*left) * math.hypot(*right))
