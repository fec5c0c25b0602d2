import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.contracts.jobs import Profile
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import ModelRefused
from graftwork.models import wire
from graftwork.models.plane import Alternative
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import Message
from graftwork.models.plane import ModelDescription
from graftwork.models.plane import PoolDescription
from graftwork.models.plane import Sampling
from graftwork.models.plane import TokenLogprob
from graftwork.models.proto.v1 import solvers_pb2 as pb

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
COUNT = st.integers(0, 2**63)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=TEXT), min_size=1, max_size=4
).map(tuple)
REQUESTS = st.builds(
    GenerateRequest,
    pool=TEXT,
    messages=MESSAGES,
    model=st.none() | TEXT,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1, exclude_min=True),
    min_p=st.none() | st.floats(0, 1),
    repeat_penalty=st.none() | st.floats(0, 100, exclude_min=True),
    max_tokens=st.none() | st.integers(1, 2**63),
    n=st.integers(1, 64),
    seed=st.none() | COUNT,
    stop=st.lists(TEXT, max_size=3).map(tuple),
    json_schema=st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    schema_name=st.none() | TEXT,
    logprobs=st.none() | st.integers(0, 20),
)
USAGES = st.builds(
    Usage, calls=COUNT, prompt_tokens=COUNT, completion_tokens=COUNT, cost_usd=st.none() | st.floats(0, 1e9)
)
LOGPROB = st.floats(-9999, 0)
ALTERNATIVES = st.lists(st.builds(Alternative, token=TEXT, logprob=LOGPROB), max_size=2).map(tuple)
LOGPROBS = st.lists(st.builds(TokenLogprob, token=TEXT, logprob=LOGPROB, top=ALTERNATIVES), max_size=3).map(tuple)
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    min_p=st.none() | st.floats(0, 1),
    repeat_penalty=st.none() | st.floats(0, 100),
    max_tokens=st.none() | COUNT,
    seed=st.none() | COUNT,
    stop=st.lists(TEXT, max_size=3).map(tuple),
)


def one_each_or_none(entries: list[Any]) -> tuple[Any, ...]:
    """As the port has it: an entry per text, or nothing where no text has any."""
    return tuple(entries) if any(entries) else ()


GENERATIONS = st.lists(st.tuples(TEXT, TEXT, TEXT, LOGPROBS), max_size=4).flatmap(
    lambda choices: st.builds(
        Generation,
        texts=st.just(tuple(text for text, _, _, _ in choices)),
        finish_reasons=st.just(tuple(reason for _, reason, _, _ in choices)),
        usage=USAGES,
        model=TEXT,
        revision=TEXT,
        queue_seconds=st.floats(0, 1e6),
        run_seconds=st.floats(0, 1e6),
        reasonings=st.just(one_each_or_none([thought for _, _, thought, _ in choices])),
        logprobs=st.just(one_each_or_none([tokens for _, _, _, tokens in choices])),
        sampling=SAMPLINGS,
        prompt_sha256=TEXT,
    )
)
EMBEDDINGS = st.builds(
    Embeddings,
    vectors=st.lists(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2).map(tuple), max_size=4).map(tuple),
    usage=USAGES,
    model=TEXT,
    revision=TEXT,
    queue_seconds=st.floats(0, 1e6),
    run_seconds=st.floats(0, 1e6),
)
PRICE = st.none() | st.floats(0, 1e6)
DESCRIPTIONS = st.builds(
    PoolDescription,
    pool=TEXT,
    default_model=TEXT,
    models=st.lists(
        st.builds(
            ModelDescription,
            name=TEXT,
            context_tokens=st.none() | COUNT,
            prompt_usd_per_mtok=PRICE,
            completion_usd_per_mtok=PRICE,
        ),
        max_size=3,
    ).map(tuple),
    revision=TEXT,
    profile=st.sampled_from(Profile),
    writes_code=st.booleans(),
    fixed=st.none() | SAMPLINGS,
    prompt_bytes=COUNT,
)


def over_the_wire(message: Any) -> Any:
    """The message as its bytes bring it to the other side."""
    return type(message).FromString(message.SerializeToString())


@given(REQUESTS)
def test_a_generate_request_survives_the_wire(request: GenerateRequest) -> None:
    sent = over_the_wire(wire.generate_request_to_wire(request))

    assert wire.generate_request_of_wire(sent) == request


@given(GENERATIONS)
def test_a_generation_survives_the_wire(generation: Generation) -> None:
    sent = over_the_wire(wire.generation_to_wire(generation))

    assert wire.generation_of_wire(sent) == generation


@given(st.builds(EmbedRequest, pool=TEXT, texts=st.lists(TEXT, min_size=1).map(tuple), model=st.none() | TEXT))
def test_an_embed_request_survives_the_wire(request: EmbedRequest) -> None:
    sent = over_the_wire(wire.embed_request_to_wire(request))

    assert wire.embed_request_of_wire(sent) == request


@given(EMBEDDINGS)
def test_embeddings_in_single_precision_survive_the_wire(embeddings: Embeddings) -> None:
    sent = over_the_wire(wire.embeddings_to_wire(embeddings))

    assert wire.embeddings_of_wire(sent) == embeddings


@given(DESCRIPTIONS)
def test_a_description_survives_the_wire(description: PoolDescription) -> None:
    sent = over_the_wire(wire.description_to_wire(description))

    assert wire.description_of_wire(sent) == description


def request_with(**changes: Any) -> GenerateRequest:
    return GenerateRequest(pool="p", messages=(Message(role="user", content="x"),)).model_copy(update=changes)


@pytest.mark.parametrize(
    "unsendable",
    [
        request_with(pool="half a pair: \ud83d"),
        request_with(seed=2**64),
        request_with(json_schema={"minimum": float("nan")}),
    ],
    ids=["surrogate", "seed too large", "NaN in the schema"],
)
def test_what_protobuf_cannot_carry_is_refused_before_sending(unsendable: GenerateRequest) -> None:
    with pytest.raises(ModelRefused, match="cannot be sent"):
        wire.generate_request_to_wire(unsendable)


def test_a_text_that_is_no_unicode_is_not_embedded() -> None:
    with pytest.raises(ModelRefused, match="cannot be sent"):
        wire.embed_request_to_wire(EmbedRequest(pool="p", texts=("\udc00",)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": 3.0}, "temperature"),
        ({"n": 65}, "n: "),
        ({"top_p": 0.0}, "top_p"),
        ({"logprobs": 21}, "logprobs"),
        ({"messages": []}, "messages"),
        ({"messages": [pb.Message(content="whose?")]}, "no role"),
        ({"json_schema": "{"}, "json_schema is not JSON"),
        ({"json_schema": "[" * 100_000}, "json_schema is not JSON"),
        ({"json_schema": "[]"}, "json_schema"),
    ],
)
def test_a_message_that_is_no_valid_request_is_refused_by_name(changes: dict[str, Any], complaint: str) -> None:
    fields = {"pool": "p", "messages": [pb.Message(role=pb.ROLE_USER, content="x")], **changes}

    with pytest.raises(ModelRefused, match=complaint):
        wire.generate_request_of_wire(pb.GenerateRequest(**fields))


def test_a_refusal_does_not_repeat_the_prompt() -> None:
    message = pb.GenerateRequest(pool="p", messages=[pb.Message(role=pb.ROLE_USER, content="a secret")], n=99)

    with pytest.raises(ModelRefused) as refused:
        wire.generate_request_of_wire(message)

    assert "a secret" not in str(refused.value)


def test_no_count_means_one_text() -> None:
    message = pb.GenerateRequest(pool="p", messages=[pb.Message(role=pb.ROLE_USER, content="x")])

    assert wire.generate_request_of_wire(message).n == 1


def test_an_embed_request_without_texts_is_refused() -> None:
    with pytest.raises(ModelRefused, match="texts"):
        wire.embed_request_of_wire(pb.EmbedRequest(pool="p"))


def test_a_profile_from_a_later_release_counts_as_standard() -> None:
    later: Any = 99
    message = pb.DescribeResponse(pool="p", default_model="m", profile=later)

    assert wire.description_of_wire(message).profile is Profile.STANDARD


def test_the_schema_travels_as_plain_json() -> None:
    sent = wire.generate_request_to_wire(request_with(json_schema={"type": "object"}))

    assert json.loads(sent.json_schema) == {"type": "object"}
