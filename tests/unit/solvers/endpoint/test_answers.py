import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.models.plane import Alternative
from graftwork.models.plane import TokenLogprob
from graftwork_solvers.endpoint.answers import ListedModel
from graftwork_solvers.endpoint.answers import TokenCounts
from graftwork_solvers.endpoint.answers import parse_chat
from graftwork_solvers.endpoint.answers import parse_embeddings
from graftwork_solvers.endpoint.answers import parse_json
from graftwork_solvers.endpoint.answers import parse_models
from graftwork_solvers.errors import MalformedAnswer


def chat_with(*choices: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"choices": list(choices), **fields}


def choice(content: Any, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"index": index, "message": {"content": content}, "finish_reason": "stop", **fields}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502 Bad Gateway</html>", b'{"choices": [{"mess', b"[]", b"null", b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "HTML", "half JSON", "list", "null", "no UTF-8", "deeply nested"],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse_json(body)


def test_a_malformed_answer_is_shown_by_its_beginning() -> None:
    with pytest.raises(MalformedAnswer, match="not JSON: '<html>") as shown:
        parse_json(b"<html>" + b"x" * 10_000)

    assert len(str(shown.value)) < 200


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_an_object_or_malformed(body: bytes) -> None:
    with contextlib.suppress(MalformedAnswer):
        assert isinstance(parse_json(body), dict)


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": []}, {"choices": "none"}, chat_with({"index": 0}), chat_with(choice(5)), chat_with(choice({}))],
)
def test_what_is_no_chat_completion_is_malformed(answer: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer, match="no chat completion"):
        parse_chat(answer, wanted=1)


def test_texts_come_in_order_of_their_index_and_no_more_than_wanted() -> None:
    answer = parse_chat(chat_with(choice("c", 2), choice("a", 0), choice("b", 1, finish_reason="length")), wanted=2)

    assert answer.texts == ("a", "b")
    assert answer.finish_reasons == ("stop", "length")


@pytest.mark.parametrize(
    "message",
    [
        {"content": "4", "reasoning_content": "2 + 2 …"},
        {"content": "4", "reasoning": "2 + 2 …"},
        {"content": "4", "reasoning_content": None, "reasoning": "2 + 2 …"},
        {"content": "4", "reasoning_content": "2 + 2 …", "reasoning": "2 + 2 …"},
        {"content": [{"type": "thinking", "thinking": "2 + 2 …"}, {"type": "text", "text": "4"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "2 + 2 …"}]}, {"text": "4"}]},
    ],
    ids=["DeepSeek", "OpenRouter", "vLLM with the old name null", "both names", "thinking text", "Mistral"],
)
def test_reasoning_stays_beside_the_text_whatever_it_is_called(message: dict[str, Any]) -> None:
    answer = parse_chat(chat_with({"index": 0, "message": message, "finish_reason": "stop"}), wanted=1)

    assert (answer.texts, answer.reasonings) == (("4",), ("2 + 2 …",))


@pytest.mark.parametrize("message", [{"content": "4"}, {"content": "4", "reasoning": {"effort": "high"}}])
def test_what_is_no_thought_counts_as_none(message: dict[str, Any]) -> None:
    answer = parse_chat(chat_with({"index": 0, "message": message}), wanted=1)

    assert (answer.texts, answer.reasonings) == (("4",), ("",))


def token(text: str, logprob: float | str, **fields: Any) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), **fields}


def told_logprobs(logprobs: Any) -> tuple[TokenLogprob, ...]:
    return parse_chat(chat_with(choice("four", logprobs=logprobs)), wanted=1).logprobs[0]


def test_logprobs_are_read_with_their_alternatives() -> None:
    alternatives = [token("fo", -0.1), token("2", -2.5)]

    told = told_logprobs({"content": [token("fo", -0.1, top_logprobs=alternatives), token("ur", -0.5)]})

    top = (Alternative(token="fo", logprob=-0.1), Alternative(token="2", logprob=-2.5))
    assert told == (TokenLogprob(token="fo", logprob=-0.1, top=top), TokenLogprob(token="ur", logprob=-0.5))


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        {},
        {"content": None},
        {"content": []},
        "many",
        {"content": [{"token": "a"}]},
        {"content": [token("a", "x")]},
    ],
)
def test_an_endpoint_that_tells_no_logprobs_or_nonsense_gives_none_and_its_text(logprobs: Any) -> None:
    answer = parse_chat(chat_with(choice("four", logprobs=logprobs)), wanted=1)

    assert (answer.texts, answer.logprobs) == (("four",), ((),))


def test_an_impossible_token_has_the_same_logprob_whoever_tells_it() -> None:
    told = told_logprobs({"content": [token("a", float("-inf")), token("b", -9999.0), token("c", -1e30)]})

    assert [one.logprob for one in told] == [-9999.0] * 3


@pytest.mark.parametrize("logprob", [float("nan"), float("inf")])
def test_a_logprob_that_is_no_number_spoils_them_all(logprob: float) -> None:
    assert told_logprobs({"content": [token("a", -0.5), token("b", logprob)]}) == ()


def test_text_parts_are_joined_and_other_parts_left_out() -> None:
    parts = [{"type": "thinking", "text": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert parse_chat(chat_with(choice(parts)), wanted=1).texts == ("ab",)


def test_an_answer_without_content_is_an_empty_text() -> None:
    assert parse_chat(chat_with(choice(None)), wanted=1).texts == ("",)


def test_a_refusal_is_an_empty_text_that_says_so() -> None:
    answer = parse_chat(
        chat_with({"message": {"content": None, "refusal": "I can't"}, "finish_reason": "stop"}), wanted=1
    )

    assert (answer.texts, answer.finish_reasons) == (("",), ("refusal",))


def test_a_missing_finish_reason_is_called_unknown() -> None:
    assert parse_chat(chat_with(choice("a", finish_reason=None)), wanted=1).finish_reasons == ("unknown",)


def test_proper_counts_are_read() -> None:
    answer = parse_chat(chat_with(choice("a"), usage={"prompt_tokens": 3, "completion_tokens": 4}), wanted=1)

    assert answer.counts == TokenCounts(prompt_tokens=3, completion_tokens=4)


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        ({"completion_tokens": 198, "total_tokens": 623}, 603),
        ({"total_tokens": 81}, 61),
        ({"completion_tokens": None, "total_tokens": 81}, 61),
        ({"completion_tokens": 5, "total_tokens": 25}, 5),
        ({"completion_tokens": 5, "total_tokens": 0}, 5),
        ({"completion_tokens": "5"}, 5),
    ],
    ids=[
        "thoughts in the total",
        "nothing but thoughts",
        "null",
        "no thoughts",
        "a total that lies",
        "a number as text",
    ],
)
def test_what_is_billed_as_written_includes_the_thoughts(usage: dict[str, Any], written: int) -> None:
    answer = parse_chat(chat_with(choice("a"), usage={"prompt_tokens": 20, **usage}), wanted=1)

    assert answer.counts == TokenCounts(prompt_tokens=20, completion_tokens=written)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "many",
        {"prompt_tokens": -1},
        {"prompt_tokens": "x"},
        {"prompt_tokens": float("nan")},
        {"prompt_tokens": 3, "completion_tokens": -4},
        {"prompt_tokens": 3, "completion_tokens": "lots", "total_tokens": 9},
        {"prompt_tokens": 10**30, "completion_tokens": 4},
        {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 10**30},
    ],
)
def test_counts_that_make_no_sense_count_as_missing(usage: Any) -> None:
    answer = parse_chat(chat_with(choice("a"), usage=usage), wanted=1)

    assert answer.counts is None
    assert answer.texts == ("a",)


def row(index: int, *numbers: float) -> dict[str, Any]:
    return {"index": index, "embedding": list(numbers)}


def test_vectors_come_in_the_order_of_the_texts() -> None:
    answer = parse_embeddings({"data": [row(1, 3, 4), row(0, 1, 2)], "usage": {"prompt_tokens": 5}}, wanted=2)

    assert answer.vectors == ((1.0, 2.0), (3.0, 4.0))
    assert answer.counts == TokenCounts(prompt_tokens=5)


@pytest.mark.parametrize(
    "data",
    [
        [row(0, 1, 2)],
        [row(0, 1, 2), row(0, 1, 2)],
        [row(0, 1, 2), row(2, 1, 2)],
        [row(0, 1, 2), row(1, 1)],
        [row(0), row(1)],
        [row(0, float("nan")), row(1, 1.0)],
        "none",
    ],
    ids=["too few", "twice", "gap", "lengths", "empty", "NaN", "text"],
)
def test_vectors_that_do_not_fit_the_texts_are_malformed(data: Any) -> None:
    with pytest.raises(MalformedAnswer):
        parse_embeddings({"data": data}, wanted=2)


def test_models_are_read_with_their_context_where_it_is_told() -> None:
    listing = {"data": [{"id": "a", "max_model_len": 2048, "owned_by": "vllm"}, {"id": "b"}]}

    assert parse_models(listing) == (ListedModel("a", 2048), ListedModel("b"))


@pytest.mark.parametrize("name", ["context_length", "context_window", "max_context_length", "max_input_tokens"])
def test_the_context_is_read_under_every_vendor_s_name(name: str) -> None:
    assert parse_models({"data": [{"id": "a", name: 2048}]}) == (ListedModel("a", 2048),)


def test_a_context_that_is_no_number_is_unknown() -> None:
    assert parse_models({"data": [{"id": "a", "context_length": "long"}]}) == (ListedModel("a"),)


def test_a_listing_of_another_form_is_malformed() -> None:
    with pytest.raises(MalformedAnswer, match="no list of models"):
        parse_models(json.loads('{"models": ["a"]}'))
