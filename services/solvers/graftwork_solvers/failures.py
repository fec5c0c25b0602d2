"""What a failed HTTP exchange means: the one place that classifies endpoints' errors. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import UnknownPool
from graftwork_solvers.errors import KeyRefused
from graftwork_solvers.errors import ParameterRefused

_MESSAGE_CHARS = 400
_LONGEST_WAIT_SECONDS = 3600.0
_ANTHROPIC_OVERLOADED = 529
_OVERLOADED = {HTTPStatus.TOO_MANY_REQUESTS, _ANTHROPIC_OVERLOADED}
_WRONG_KEY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
# 4xx that say nothing about the call itself.
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}
_NOT_TAKEN = {"unsupported_parameter", "unsupported_value", "unknown_parameter"}
_OUT_OF_MONEY = "insufficient_quota"
_NO_SUCH_MODEL = {"model_not_found", "NotFoundError"}


def failure_of(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> GraftworkError:
    """The error that an HTTP answer other than 2xx stands for."""
    detail = _detail(body)
    said = _said(detail, body)
    if status in _WRONG_KEY:
        # Not even the endpoint's words: some quote a part of the key.
        return KeyRefused(f"the endpoint refused the API key ({status}): check OPENAI_API_KEY")
    if status in _OVERLOADED and _OUT_OF_MONEY in _names(detail):
        return ModelRefused(f"the endpoint's quota is used up ({status}): {said}")
    if status in _OVERLOADED or (status == HTTPStatus.SERVICE_UNAVAILABLE and _wait(headers, now) is not None):
        return Overloaded(f"the endpoint is full ({status}): {said}", retry_after_seconds=_wait(headers, now))
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DependencyDown(f"the endpoint failed ({status}): {said}", retry_after_seconds=_wait(headers, now))
    return _refusal(status, detail, said, headers)


def failure_inside(answer: Mapping[str, Any], *, now: datetime) -> GraftworkError | None:
    """The error in a 200 answer, as some routers send it, or None."""
    detail = answer.get("error")
    if not detail or answer.get("choices") or answer.get("data"):
        return None
    status = detail.get("code") if isinstance(detail, dict) else None
    if not isinstance(status, int) or status < HTTPStatus.BAD_REQUEST:
        status = HTTPStatus.BAD_GATEWAY.value
    said = detail.get("message", "") if isinstance(detail, dict) else str(detail)
    return failure_of(status, {}, str(said).encode(), now=now)


def _refusal(status: int, detail: Mapping[str, Any], said: str, headers: Mapping[str, str]) -> GraftworkError:
    parameter, names = detail.get("param"), _names(detail)
    if parameter and names & _NOT_TAKEN:
        return ParameterRefused(f"the endpoint does not take {parameter} ({status}): {said}", parameter=str(parameter))
    if status == HTTPStatus.NOT_FOUND and names & _NO_SUCH_MODEL:
        return UnknownPool(f"the endpoint has no such model: {said}")
    if status == HTTPStatus.NOT_FOUND:
        return ModelRefused(f"the endpoint has no such path (404): does its URL end in /v1? {said}")
    if status < HTTPStatus.BAD_REQUEST:
        return ModelRefused(f"the endpoint sends us elsewhere ({status}, {headers.get('location', 'nowhere')})")
    return ModelRefused(f"the endpoint refused the call ({status}): {said}")


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


def _said(detail: Mapping[str, Any], body: bytes) -> str:
    text = str(detail.get("message") or body[: 4 * _MESSAGE_CHARS].decode(errors="replace"))
    return " ".join(text.split())[:_MESSAGE_CHARS] or "it gave no reason"


def _wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by ``retry-after-ms`` or ``Retry-After`` (seconds or a date), capped at an hour."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _capped(milliseconds / 1000)
    told = headers.get("retry-after")
    seconds = _number(told)
    return _capped(_until(told, now) if seconds is None else seconds)


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


def _capped(seconds: float | None) -> float | None:
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
