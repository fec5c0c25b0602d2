from typing import Any

import pytest

from graftwork.kit.errors import ModelRefused
from graftwork.models import plane
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.chat import as_pool_has_it
from graftwork_solvers.chat import chat_body
from graftwork_solvers.chat import sampling_of
from graftwork_solvers.settings import PoolSettings
from graftwork_solvers.settings import Sampling

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def request(**fields: Any) -> GenerateRequest:
    return GenerateRequest(pool="p", messages=(Message(role="user", content="hi"),), **fields)


def body_of(asked: GenerateRequest, pool: PoolSettings | None = None, **changes: Any) -> dict[str, Any]:
    options = {"model": "m", "omit": frozenset(), "max_tokens_parameter": "max_tokens", **changes}
    return chat_body(asked, pool=pool or PoolSettings(), **options)


def test_a_bare_request_sends_nothing_but_model_and_messages() -> None:
    assert body_of(request()) == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_every_choice_of_the_request_is_sent_under_the_endpoint_s_name() -> None:
    asked = request(
        temperature=0.0, top_p=0.9, min_p=0.1, repeat_penalty=1.1, max_tokens=5, n=2, seed=0, stop=("a", "b")
    )

    assert body_of(asked) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.0,
        "top_p": 0.9,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "repetition_penalty": 1.1,
        "max_tokens": 5,
        "n": 2,
        "seed": 0,
        "stop": ["a", "b"],
    }


def test_a_schema_is_sent_as_response_format_under_the_role_call_s_name() -> None:
    body = body_of(request(json_schema=SCHEMA, schema_name="propose_metrics"), PoolSettings(strict_schemas=True))

    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "propose_metrics", "schema": SCHEMA, "strict": True},
    }


@pytest.mark.parametrize(
    ("name", "sent"), [(None, "answer"), ("judge: workflow/2", "judge__workflow_2"), ("x" * 99, "x" * 64)]
)
def test_a_schema_s_name_fits_what_endpoints_accept(name: str | None, sent: str) -> None:
    body = body_of(request(json_schema=SCHEMA, schema_name=name))

    assert body["response_format"]["json_schema"]["name"] == sent


def test_what_the_endpoint_does_not_take_is_left_out() -> None:
    asked = request(temperature=0.5, repeat_penalty=1.1, top_p=0.5, n=2)

    body = body_of(asked, omit=frozenset({"temperature", "repeat_penalty", "n"}))

    assert body.keys() == {"model", "messages", "top_p"}


def test_the_token_limit_goes_under_the_dialect_s_name() -> None:
    body = body_of(request(max_tokens=5), max_tokens_parameter="max_completion_tokens")

    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body


def test_the_pool_s_extra_fields_are_sent_along() -> None:
    assert body_of(request(), PoolSettings(extra_body={"repeat_last_n": 256}))["repeat_last_n"] == 256


@pytest.mark.parametrize("alternatives", [0, 5])
def test_logprobs_are_asked_for_with_as_many_alternatives(alternatives: int) -> None:
    body = body_of(request(logprobs=alternatives))

    assert (body["logprobs"], body["top_logprobs"]) == (True, alternatives)


def test_the_pool_fills_in_only_what_the_request_leaves_open() -> None:
    pool = PoolSettings(sampling=Sampling(temperature=0.7, max_tokens=100, stop=("\n",)))

    filled = as_pool_has_it(request(temperature=0.0), pool)

    assert (filled.temperature, filled.max_tokens, filled.stop, filled.top_p) == (0.0, 100, ("\n",), None)


EVERYTHING = request(
    temperature=2.0,
    top_p=0.9,
    min_p=0.1,
    repeat_penalty=1.1,
    max_tokens=9999,
    stop=("stop",),
    n=3,
    seed=7,
    json_schema=SCHEMA,
    schema_name="solve",
    logprobs=2,
    model="m",
)


@pytest.mark.parametrize(
    "sampling", [Sampling(max_tokens=100), Sampling(temperature=0.7, top_p=0.5, max_tokens=100, stop=("\n",))]
)
def test_in_a_fixed_pool_the_request_chooses_nothing_of_how_it_is_sampled(sampling: Sampling) -> None:
    fixed = as_pool_has_it(EVERYTHING, PoolSettings(sampling=sampling, fixed=True))

    assert sampling_of(fixed, omit=frozenset()) == plane.Sampling(seed=7, **sampling.model_dump())


def test_in_a_fixed_pool_the_request_keeps_what_it_is_about() -> None:
    fixed = as_pool_has_it(EVERYTHING, PoolSettings(sampling=Sampling(max_tokens=1), fixed=True))

    kept = {"messages", "n", "seed", "json_schema", "schema_name", "logprobs", "model"}
    assert fixed.model_dump(include=kept) == EVERYTHING.model_dump(include=kept)


FIXED = PoolSettings(sampling=Sampling(max_tokens=1), fixed=True)


@pytest.mark.parametrize("pool", [FIXED, FIXED.model_copy(update={"prompt": "You are weak."})])
@pytest.mark.parametrize("position", [0, 1])
def test_a_fixed_pool_lets_no_system_message_in(pool: PoolSettings, position: int) -> None:
    turns = [Message(role="user", content="hi")]
    turns.insert(position, Message(role="system", content="you are strong"))

    with pytest.raises(ModelRefused, match="pool 'p' is fixed: it takes no system message"):
        as_pool_has_it(GenerateRequest(pool="p", messages=tuple(turns)), pool)


@pytest.mark.parametrize("fixed", [False, True])
def test_the_pool_s_prompt_comes_first(fixed: bool) -> None:  # noqa: FBT001 - one of two kinds of pools
    pool = PoolSettings(prompt="You are weak.", sampling=Sampling(max_tokens=1), fixed=fixed)

    asked = as_pool_has_it(request(), pool)

    assert asked.messages == (Message(role="system", content="You are weak."), Message(role="user", content="hi"))


def test_a_request_s_own_system_message_follows_the_pool_s_in_one() -> None:
    turns = (Message(role="system", content="Be terse."), Message(role="user", content="hi"))

    asked = as_pool_has_it(GenerateRequest(pool="p", messages=turns), PoolSettings(prompt="You are weak."))

    assert asked.messages == (Message(role="system", content="You are weak.\n\nBe terse."), turns[1])


def test_what_the_endpoint_does_not_take_is_not_told_as_used_but_for_what_the_pod_does_itself() -> None:
    asked = request(temperature=0.5, stop=("a",), max_tokens=3)

    told = sampling_of(asked, omit=frozenset({"temperature", "stop"}))

    assert told == plane.Sampling(max_tokens=3, stop=("a",))
