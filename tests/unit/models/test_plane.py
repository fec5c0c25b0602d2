"""Promises of the port to what was written down by an earlier release."""

import pytest

from graftwork.contracts.ids import digest
from graftwork.contracts.usage import Usage
from graftwork.models.plane import Embeddings
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import Sampling
from graftwork.models.plane import prompt_sha256
from graftwork.models.plane import request_hash

USAGE = {"calls": 1, "prompt_tokens": 12, "completion_tokens": 3, "cost_usd": None}
PROMPT = (Message(role="system", content="Be terse."), Message(role="user", content="naïve 🌱"))


def test_a_generation_journalled_before_records_grew_still_reads() -> None:
    row = {
        "texts": ["four"],
        "finish_reasons": ["stop"],
        "usage": USAGE,
        "model": "tiny-1",
        "revision": "5f1d",
        "queue_seconds": 0.25,
        "run_seconds": 1.5,
    }

    read = Generation.model_validate(row)

    assert read == Generation(
        texts=("four",),
        finish_reasons=("stop",),
        usage=Usage(calls=1, prompt_tokens=12, completion_tokens=3, cost_usd=None),
        model="tiny-1",
        revision="5f1d",
        queue_seconds=0.25,
        run_seconds=1.5,
        reasonings=(),
        logprobs=(),
        sampling=Sampling(),
        prompt_sha256="",
    )


def test_embeddings_journalled_before_records_grew_still_read() -> None:
    read = Embeddings.model_validate({"vectors": [[0.5, 1.0]], "usage": USAGE, "model": "tiny-1"})

    assert (read.vectors, read.revision, read.queue_seconds, read.run_seconds) == (((0.5, 1.0),), "", 0.0, 0.0)


def test_a_request_is_found_again_under_the_hash_of_the_first_release() -> None:
    request = GenerateRequest(pool="weak", messages=PROMPT, max_tokens=7, stop=("\n",), json_schema={"type": "object"})
    of_the_first_release = {
        "pool": "weak",
        "messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "naïve 🌱"}],
        "model": None,
        "temperature": None,
        "top_p": None,
        "min_p": None,
        "repeat_penalty": None,
        "max_tokens": 7,
        "n": 1,
        "seed": None,
        "stop": ["\n"],
        "json_schema": {"type": "object"},
        "schema_name": None,
    }

    assert request_hash(request) == digest(of_the_first_release)


def test_what_a_later_release_added_counts_once_it_is_used() -> None:
    plain = GenerateRequest(pool="weak", messages=PROMPT)

    hashes = {request_hash(plain.model_copy(update={"logprobs": count})) for count in (None, 0, 5)}

    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("json_schema", "expected"),
    [
        (None, "a2eca69b4263207f8326edd6851b1709e019b442d4f7586492811f81325503a3"),
        ({"type": "object", "required": ["a"]}, "1e5af4522234d5736a37ca341f994c06507750827a361f8d8000fc4f700420ce"),
    ],
)
def test_a_prompt_keeps_its_name_for_ever(json_schema: dict[str, object] | None, expected: str) -> None:
    assert prompt_sha256(PROMPT, json_schema) == expected


def test_the_order_of_a_schema_s_keys_does_not_change_the_name_of_its_prompt() -> None:
    one, other = {"type": "object", "title": "A"}, {"title": "A", "type": "object"}

    assert prompt_sha256(PROMPT, one) == prompt_sha256(PROMPT, other)


def test_every_turn_counts_in_the_name_of_a_prompt() -> None:
    names = {
        prompt_sha256(PROMPT, None),
        prompt_sha256(PROMPT[::-1], None),
        prompt_sha256(PROMPT[:1], None),
        prompt_sha256((Message(role="user", content="Be terse."), PROMPT[1]), None),
    }

    assert len(names) == 4
