"""The checkpoint that vLLM runs in tests is the model that llama.cpp runs: what each writes, and how sure it is."""

import math

import pytest

from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.plane import TokenLogprob
from tests.support.real_backends import Backend

pytestmark = [pytest.mark.vllm, pytest.mark.tiny, pytest.mark.timeout(600)]

PROMPTS = (
    "Name three colours.",
    "What is the capital of France?",
    "Tell me a short story about a cat.",
    "Write one sentence about fractions.",
    "How many legs has an ant? 1, 22 or 333?",
)
# One computes with weights rounded to bfloat16, the other with activations of 8 bits: they agree within these, and with
# a wrong order of weights or a wrong tokenizer they would agree in nothing.
CLOSE = 0.25
OFTEN = 0.4


async def test_both_find_the_same_words_as_likely(vllm_pod: Backend, openai_pod: Backend) -> None:
    vllm = [await first_words(vllm_pod, prompt) for prompt in PROMPTS]
    llama_cpp = [await first_words(openai_pod, prompt) for prompt in PROMPTS]

    apart = [distance(one[0], other[0]) for one, other in zip(vllm, llama_cpp, strict=True)]
    assert max(apart) < CLOSE
    shared = sum(len(beginning(one, other)) for one, other in zip(vllm, llama_cpp, strict=True))
    assert shared > OFTEN * sum(map(len, vllm))


async def first_words(backend: Backend, prompt: str) -> tuple[TokenLogprob, ...]:
    """What it surely writes first, with the likeliest alternatives."""
    request = GenerateRequest(
        pool="generator",
        messages=(Message(role="user", content=prompt),),
        temperature=0,
        max_tokens=12,
        logprobs=10,
    )
    async with backend.client() as client:
        return (await client.generate(request, timeout_seconds=240)).logprobs[0]


def distance(one: TokenLogprob, other: TokenLogprob) -> float:
    """Total variation between two opinions on the next token, as far as both tell theirs."""
    mine, yours = ({option.token: math.exp(option.logprob) for option in opinion.top} for opinion in (one, other))
    return sum(abs(mine[token] - yours[token]) for token in mine.keys() & yours.keys()) / 2 + missing(mine, yours)


def missing(mine: dict[str, float], yours: dict[str, float]) -> float:
    """The largest probability of a word that the other does not even consider."""
    return max([0.0, *(share for token, share in (mine | yours).items() if token not in mine.keys() & yours.keys())])


def beginning(one: tuple[TokenLogprob, ...], other: tuple[TokenLogprob, ...]) -> list[str]:
    """The tokens that both begin with."""
    shared: list[str] = []
    for mine, yours in zip(one, other, strict=False):
        if mine.token != yours.token:
            break
        shared.append(mine.token)
    return shared
