from typing import Any

import pytest

from graftwork_solvers.dialects import Dialect
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.hosts import Habits
from graftwork_solvers.hosts import habits_of
from graftwork_solvers.settings import PoolSettings

SCHEMA = {"type": "object", "required": ["score"]}
FORMAT = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
HI = {"role": "user", "content": "hi"}


def refused(*parameters: str) -> ParameterRefused:
    return ParameterRefused("not here", parameters=frozenset(parameters))


def taught(*parameters: str, **pool: Any) -> Dialect:
    dialect = Dialect(PoolSettings.model_validate(pool))
    for parameter in parameters:
        dialect.learn(refused(parameter))
    return dialect


def with_schema(dialect: Dialect, *messages: dict[str, str]) -> dict[str, Any]:
    return dialect.spoken({"messages": list(messages or (HI,)), "response_format": FORMAT}, SCHEMA)


def test_it_begins_as_the_pool_says() -> None:
    dialect = taught(omit={"seed"}, max_tokens_parameter="max_completion_tokens")

    assert dialect.omit == {"seed"}
    assert dialect.max_tokens_parameter == "max_completion_tokens"


def test_refused_parameters_are_left_out_from_then_on() -> None:
    dialect = taught()
    dialect.learn(refused("temperature", "min_p"))

    assert dialect.omit == {"temperature", "min_p"}


def test_the_other_name_of_the_repeat_penalty_is_known() -> None:
    assert taught("repetition_penalty").omit == {"repeat_penalty"}


def test_a_refused_token_limit_goes_under_the_other_name() -> None:
    assert taught("max_tokens").max_tokens_parameter == "max_completion_tokens"


def test_a_token_limit_is_sent_even_where_neither_name_is_taken() -> None:
    assert taught("max_tokens", "max_completion_tokens").max_tokens_parameter == "max_completion_tokens"


@pytest.mark.parametrize(
    ("lessons", "sent", "omitted"),
    [((), {"seed": 5}, set()), (("seed",), {"random_seed": 5}, set()), (("seed", "random_seed"), {}, {"seed"})],
)
def test_a_refused_seed_goes_under_the_other_name_and_then_nowhere(
    lessons: tuple[str, ...], sent: dict[str, int], omitted: set[str]
) -> None:
    dialect = taught(*lessons)

    assert dialect.omit == omitted
    assert dialect.spoken({} if omitted else {"seed": 5}, None) == sent


@pytest.mark.parametrize("parameter", ["messages", "model", "logprobs", "tools"])
def test_what_the_call_is_about_is_never_left_out(parameter: str) -> None:
    dialect = taught(parameter)

    assert dialect.omit == set()
    assert dialect.spoken({parameter: 1, "messages": [HI]}, None) == {parameter: 1, "messages": [HI]}


def test_a_schema_is_enforced_and_not_told_to_begin_with() -> None:
    assert with_schema(taught()) == {"messages": [HI], "response_format": FORMAT}


def test_a_refused_schema_becomes_json_mode_and_is_told_in_the_prompt() -> None:
    body = with_schema(taught("response_format"))

    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][0]["content"].endswith('{"type":"object","required":["score"]}')
    assert body["messages"][1:] == [HI]


def test_where_json_mode_is_refused_too_the_prompt_alone_tells_of_the_schema() -> None:
    body = with_schema(taught("response_format", "response_format"))

    assert "response_format" not in body
    assert "JSON schema" in body["messages"][0]["content"]


def test_a_schema_is_told_after_the_system_s_own_words() -> None:
    body = with_schema(taught(response_format="none"), {"role": "system", "content": "Be brief."}, HI)

    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")


def test_where_schemas_are_ignored_they_are_told_and_still_asked_for() -> None:
    dialect = taught()
    dialect.learn_that_schemas_are_ignored()

    body = with_schema(dialect)

    assert body["response_format"] == FORMAT
    assert "JSON schema" in body["messages"][0]["content"]


def test_a_pool_that_forbids_it_tells_no_schema() -> None:
    dialect = taught("response_format", schema_in_prompt=False)
    dialect.learn_that_schemas_are_ignored()

    assert with_schema(dialect) == {"messages": [HI], "response_format": {"type": "json_object"}}


def test_a_call_without_a_schema_hears_of_none() -> None:
    assert taught(schema_in_prompt=True).spoken({"messages": [HI]}, None) == {"messages": [HI]}


def test_where_the_system_may_not_speak_the_user_does() -> None:
    messages = [{"role": "system", "content": "Be brief."}, HI, {"role": "assistant", "content": "ok"}, HI]

    spoken = taught("system").spoken({"messages": messages}, None)["messages"]

    assert spoken == [{"role": "user", "content": "Be brief.\n\nhi"}, *messages[2:]]


def test_a_known_host_s_habits_need_no_lesson() -> None:
    dialect = Dialect(PoolSettings(), habits_of("https://api.anthropic.com/v1/"))

    assert dialect.omit == {"n"}
    assert dialect.tells_schemas


@pytest.mark.parametrize("url", ["https://api.anthropic.com.evil.example/v1", "http://127.0.0.1:8000/v1", "unix:/x"])
def test_no_other_host_has_habits(url: str) -> None:
    assert habits_of(url) == Habits()


def test_a_key_goes_into_another_header_only_where_there_is_one() -> None:
    habits = habits_of("https://api.anthropic.com/v1")

    assert habits.listing_headers("k") == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert habits.listing_headers("") is None
    assert Habits().listing_headers("k") is None
