import json
from datetime import UTC
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import RetryableError
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.failures import failure_inside
from graftwork_solvers.failures import failure_of
from tests.support.vendor_errors import ERRORS
from tests.support.vendor_errors import Said

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def openai_error(message: str = "words", **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


def failure(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> GraftworkError:
    return failure_of(status, headers or {}, body, now=NOW)


_WAITS = st.from_regex(r"(try again|retry) in ([0-9]{1,9}m)?[0-9.]{1,9}(ms|s)", fullmatch=True)


@given(
    status=st.integers(100, 599),
    body=st.one_of(st.binary(max_size=200), _WAITS.map(openai_error), st.text(max_size=50).map(openai_error)),
    told=st.one_of(st.text(max_size=30), st.floats().map(str)),
)
@example(status=429, body=openai_error(f"try again in {'9' * 400}m1s"), told="")
@example(status=429, body=openai_error(f"try again in {'9' * 5000}s"), told="")
def test_any_answer_is_some_failure_with_a_wait_that_makes_sense(status: int, body: bytes, told: str) -> None:
    understood = failure(status, body, {"retry-after": told})

    wait = getattr(understood, "retry_after_seconds", None)
    assert wait is None or 0 <= wait <= 3600


@pytest.mark.parametrize("said", ERRORS, ids=str)
def test_every_vendor_is_understood(said: Said) -> None:
    understood = failure(said.status, said.raw, dict(said.headers))

    assert type(understood) is said.meaning
    assert said.words in str(understood)
    assert getattr(understood, "retry_after_seconds", None) == said.wait
    assert getattr(understood, "parameters", frozenset()) == said.parameters


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (307, ModelRefused),
        (400, ModelRefused),
        (401, KeyRefused),
        (403, KeyRefused),
        (404, ModelRefused),
        (408, DependencyDown),
        (413, ModelRefused),
        (422, ModelRefused),
        (429, Overloaded),
        (500, DependencyDown),
        (502, DependencyDown),
        (503, DependencyDown),
        (504, DependencyDown),
        (529, Overloaded),
    ],
)
def test_a_status_is_classified(status: int, expected: type[GraftworkError]) -> None:
    assert type(failure(status)) is expected


def test_a_full_endpoint_s_words_are_passed_on() -> None:
    assert str(failure(429, openai_error("slow  down\n"))) == "the endpoint is full (429): slow down"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "2", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "1e9"}, 3600.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    told = failure(429, headers=headers)

    assert isinstance(told, RetryableError)
    assert told.retry_after_seconds == seconds


def test_an_unavailable_endpoint_that_says_when_to_return_is_full() -> None:
    assert type(failure(503, headers={"retry-after": "3"})) is Overloaded


def test_a_refused_key_names_the_variable_and_not_the_endpoint_s_words() -> None:
    refused = failure(401, openai_error("Incorrect API key provided: sk-abc***xyz"))

    assert str(refused) == (
        "the endpoint refused the API key (401): check OPENAI_API_KEY, or GRAFTWORK_SOLVERS_API_KEY, which wins over it"
    )


def test_a_path_that_the_endpoint_lacks_asks_after_the_url() -> None:
    assert "does its URL end in /v1?" in str(failure(404, b"<html>Not Found</html>"))


@pytest.mark.parametrize(
    "body",
    [
        openai_error("too long"),
        json.dumps({"object": "error", "message": "too long", "code": 400}).encode(),
        json.dumps([{"error": {"message": "too long", "code": 400}}]).encode(),
        json.dumps({"error": "too long"}).encode(),
        b"too long",
    ],
    ids=["OpenAI", "older vLLM", "Gemini", "Ollama", "plain"],
)
def test_the_reason_is_found_in_every_form(body: bytes) -> None:
    assert str(failure(400, body)) == "the endpoint refused the call (400): too long"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"error": null}'])
def test_an_error_without_words_still_reads_well(body: bytes) -> None:
    assert str(failure(500, body)).startswith("the endpoint failed (500): ")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"x", b"x ", b"`", b"response_format ", b"Unknown name ", b" " * 10, b"retry in 1"])
def test_a_long_reason_is_cut_and_soon_read(piece: bytes) -> None:
    long = piece * (2**22 // len(piece))

    assert len(str(failure(500, long))) < 500
    assert len(str(failure(500, openai_error(long.decode())))) < 500


def test_a_redirect_says_where_to() -> None:
    assert "https://elsewhere/v1" in str(failure(301, headers={"location": "https://elsewhere/v1"}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": {"message": "busy", "code": 429}}, Overloaded),
        ({"error": {"message": "gone", "code": 502}}, DependencyDown),
        ({"error": {"message": "odd", "code": "weird"}}, DependencyDown),
        ({"error": "just words"}, DependencyDown),
        ({"choices": [{"error": {"message": "busy", "code": 429}, "finish_reason": "error"}]}, Overloaded),
        ({"choices": [{"index": 0}, {"error": {"message": "gone", "code": 502}}]}, DependencyDown),
    ],
)
def test_an_error_inside_a_200_is_an_error(answer: dict[str, Any], expected: type[GraftworkError]) -> None:
    assert type(failure_inside(answer, now=NOW)) is expected


@pytest.mark.parametrize("answer", [{"choices": [1]}, {"choices": [1], "error": {"code": 500}}, {"error": None}])
def test_an_answer_with_content_is_no_error(answer: dict[str, Any]) -> None:
    assert failure_inside(answer, now=NOW) is None
