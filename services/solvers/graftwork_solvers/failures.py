"""What a failed HTTP exchange means: the one place that classifies endpoints' errors. Pure."""

import math
import re
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json
from pydantic_core import to_json

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.refusals import refused_parameters

_MESSAGE_CHARS = 400
# What is longer is no error object, and is not worth searching for words.
_LONGEST_ERROR_BYTES = 2**16
_LONGEST_WAIT_SECONDS = 3600.0
_ANTHROPIC_OVERLOADED = 529
_OVERLOADED = {HTTPStatus.TOO_MANY_REQUESTS, _ANTHROPIC_OVERLOADED}
_CHECK_KEY = "check OPENAI_API_KEY, or GRAFTWORK_SOLVERS_API_KEY, which wins over it"
# 4xx that say nothing about the call itself.
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}
# Where refusals of single parameters are looked for; llama.cpp's of the system role is a 500.
_OF_PARAMETERS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
}
_OUT_OF_MONEY = "insufficient_quota"
# OpenAI and Groq say 429 or 413 to a call that is larger than what is allowed in a minute: it will never be let in.
_NEVER_LET_IN = "Request too large"
# llama.cpp says 500 to some prompts that do not fit.
_TOO_LONG = re.compile(r"exceed_context_size_error|context_length_exceeded|Context size has been exceeded")
# Google says 400.
_WRONG_KEY = "API_KEY_INVALID"
_WAIT_IN_WORDS = re.compile(r"(?:try again|retry) in (?:(\d{1,6})m)?([\d.]{1,20})(ms|s)\b")


def failure_of(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> GraftworkError:
    """The error that an HTTP answer other than 2xx stands for."""
    body = body[:_LONGEST_ERROR_BYTES]
    detail, text = _detail(body), body.decode(errors="replace")
    said, wait = _said(detail, text), _wait(headers, detail, now)
    refused = refused_parameters(detail, text) if status in _OF_PARAMETERS else frozenset()
    if refused:
        names = ", ".join(sorted(refused))
        return ParameterRefused(f"the endpoint does not take {names} ({status}): {said}", parameters=refused)
    if status == HTTPStatus.UNAUTHORIZED or _WRONG_KEY in text:
        # Not even the endpoint's words: some quote a part of the key.
        return KeyRefused(f"the endpoint refused the API key ({status}): {_CHECK_KEY}")
    if _is_final(status, detail, text):
        return ModelRefused(f"the endpoint refused the call ({status}): {said}")
    if _is_full(status, said, wait):
        return Overloaded(f"the endpoint is full ({status}): {said}", retry_after_seconds=wait)
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DependencyDown(f"the endpoint failed ({status}): {said}", retry_after_seconds=wait)
    return _refusal(status, detail, said, headers)


def failure_inside(answer: Mapping[str, Any], *, now: datetime) -> GraftworkError | None:
    """The error in a 200 answer, as some routers send it, or None."""
    detail = answer.get("error") or _error_of_a_choice(answer)
    if not detail or (answer.get("error") and (answer.get("choices") or answer.get("data"))):
        return None
    status = detail.get("code") if isinstance(detail, dict) else None
    if not isinstance(status, int) or status < HTTPStatus.BAD_REQUEST:
        status = HTTPStatus.BAD_GATEWAY.value
    return failure_of(status, {}, to_json({"error": detail}), now=now)


def _error_of_a_choice(answer: Mapping[str, Any]) -> Any:
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return None
    return next((choice["error"] for choice in choices if isinstance(choice, dict) and choice.get("error")), None)


def _is_final(status: int, detail: Mapping[str, Any], text: str) -> bool:
    """Whether waiting will not help, whatever the status says."""
    if status in _OVERLOADED and (_OUT_OF_MONEY in _names(detail) or _NEVER_LET_IN in text):
        return True
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and _TOO_LONG.search(text) is not None


def _is_full(status: int, said: str, wait: float | None) -> bool:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return wait is not None or "overloaded" in said.lower()
    # OpenRouter: the money is not gone, but set aside for calls under way.
    return status in _OVERLOADED or (status == HTTPStatus.PAYMENT_REQUIRED and wait is not None)


def _refusal(status: int, detail: Mapping[str, Any], said: str, headers: Mapping[str, str]) -> GraftworkError:
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(detail, said)
    if status == HTTPStatus.NOT_FOUND and "model" in said.lower():
        return UnknownPool(f"the endpoint has no such model: {said}")
    if status == HTTPStatus.NOT_FOUND:
        return ModelRefused(f"the endpoint has no such path (404): does its URL end in /v1? {said}")
    if status < HTTPStatus.BAD_REQUEST:
        return ModelRefused(f"the endpoint sends us elsewhere ({status}, {headers.get('location', 'nowhere')})")
    return ModelRefused(f"the endpoint refused the call ({status}): {said}")


def _forbidden(detail: Mapping[str, Any], said: str) -> ModelRefused:
    metadata = detail.get("metadata")
    if isinstance(metadata, dict) and metadata.get("reasons"):
        return ModelRefused(f"the endpoint's moderation refused the call (403): {said}")
    return KeyRefused(f"the endpoint forbids the API key to do this (403): {said}; {_CHECK_KEY}")


def _detail(body: bytes) -> Mapping[str, Any]:
    """The error object: under ``error`` (OpenAI), in a list (Gemini), or the whole body (older vLLM)."""
    try:
        value = from_json(body)
    except ValueError:
        return {}
    if isinstance(value, list) and value:
        value = value[0]
    inner = value.get("error", value) if isinstance(value, dict) else {}
    return inner if isinstance(inner, dict) else {"message": inner}


def _names(detail: Mapping[str, Any]) -> set[str]:
    """What the endpoint calls the error: servers differ in whether ``code`` or ``type`` holds the name."""
    return {str(detail.get("code")), str(detail.get("type"))}


def _said(detail: Mapping[str, Any], text: str) -> str:
    message = detail.get("message") or detail.get("detail")
    words = message if isinstance(message, str) else to_json(message).decode() if message else text
    metadata = detail.get("metadata")
    if isinstance(metadata, dict) and metadata.get("raw"):
        words = f"{words}: {metadata['raw']}"  # OpenRouter's own words are always the same
    return " ".join(words[: 4 * _MESSAGE_CHARS].split())[:_MESSAGE_CHARS] or "it gave no reason"


def _wait(headers: Mapping[str, str], detail: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds to wait, capped at an hour: as the headers say, else as the body does, in a field or in words."""
    told = (*_by_header(headers, now), *_by_field(detail), _in_words(detail.get("message")))
    return next((min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS) for seconds in told if seconds is not None), None)


def _by_header(headers: Mapping[str, str], now: datetime) -> Iterator[float | None]:
    milliseconds = _number(headers.get("retry-after-ms"))
    yield None if milliseconds is None else milliseconds / 1000
    yield _number(headers.get("retry-after"))
    yield _until(headers.get("retry-after"), now)


def _by_field(detail: Mapping[str, Any]) -> Iterator[float | None]:
    """Google's RetryInfo: ``"retryDelay": "38s"``."""
    details = detail.get("details")
    for one in details if isinstance(details, list) else ():
        if isinstance(one, dict):
            yield _number(str(one.get("retryDelay", "")).removesuffix("s"))


def _in_words(message: Any) -> float | None:
    found = _WAIT_IN_WORDS.search(message) if isinstance(message, str) else None
    seconds = _number(found[2]) if found else None
    if found is None or seconds is None:
        return None
    return 60 * int(found[1] or 0) + (seconds / 1000 if found[3] == "ms" else seconds)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(date: str | None, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
