from typing import Any

import pytest

from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.chat import chat_body
from graftwork_solvers.chat import with_defaults
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


def test_the_pool_fills_in_only_what_the_request_leaves_open() -> None:
    pool = PoolSettings(sampling=Sampling(temperature=0.7, max_tokens=100))

    filled = with_defaults(request(temperature=0.0), pool)

    assert (filled.temperature, filled.max_tokens, filled.top_p) == (0.0, 100, None)
