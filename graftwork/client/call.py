"""One request of the REST API as data, and what its response means. No I/O.

The synchronous and the asynchronous client send the same calls.
"""

from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Generic
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.client.errors import ApiError
from graftwork.client.errors import NotUnderstood
from graftwork.client.errors import error_of
from graftwork.client.errors import problem_of
from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import Problem

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_JSON = {"Content-Type": "application/json"}
_HARMLESS_TWICE = {"GET", "PUT", "DELETE"}


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and how its answer is read.

    Args:
        read: gives the answer of a response whose body was read. Raises ``ApiError``, ``NotUnderstood``.
        timeout_seconds: how long the server may take; None: as long as any other call.
        repeatable: sending it again changes nothing, even if the server carried it out the first time.
        awaited: what it asks for was told of by an event, and may appear a moment later.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    timeout_seconds: float | None = None
    repeatable: bool = True
    awaited: bool = False

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the request as ``client`` sends it."""
        options: dict[str, Any] = {}
        if self.timeout_seconds is not None:
            options["timeout"] = httpx.Timeout(**{**client.timeout.as_dict(), "read": self.timeout_seconds})
        return client.build_request(
            self.method, self.path, params=self.params, headers=dict(self.headers), content=self.content, **options
        )


def ask(
    method: str, path: str, answer: type[M], body: BaseModel | None = None, *, key: str | None = None, **options: Any
) -> Call[M]:
    """Return a call that is answered with a model.

    Only what was written of ``body`` is sent, so that the server's defaults hold. ``key``: the Idempotency-Key.
    """
    content = None if body is None else body.model_dump_json(exclude_unset=True).encode()
    headers = {**({} if body is None else _JSON), **({} if key is None else {IDEMPOTENCY_HEADER: key})}
    options.setdefault("repeatable", method in _HARMLESS_TWICE or key is not None)
    return Call(method, path, reading(answer), headers=headers, content=content, **options)


def delete(path: str) -> Call[None]:
    """Return a call that makes something not be there."""
    return Call("DELETE", path, raise_for_problem)


def new_key(given: str | None = None) -> str:
    """Return the Idempotency-Key that was given, else a new one."""
    return given or uuid4().hex


def reading(answer: type[M]) -> Callable[[httpx.Response], M]:
    """Return the reader of a model."""

    def read(response: httpx.Response) -> M:
        raise_for_problem(response)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise NotUnderstood(str(response.url), response.text) from error

    return read


def raise_for_problem(response: httpx.Response) -> None:
    """Raise the typed error of a response that is one; its body must have been read. Raises ``ApiError``."""
    if not response.is_success:
        raise _error(response)


def path_of(*parts: str) -> str:
    """Path below ``/v1``; no part can leave its place."""
    return "/".join(["/v1", *map(_quoted, parts)])


def _quoted(part: str) -> str:
    if part in {".", ".."}:  # these mean a place, unless their dots are quoted
        return "%2E" * len(part)
    return quote(part, safe=":")


def given(**params: Any) -> dict[str, Any]:
    """Query parameters that are not None."""
    return {name: value for name, value in params.items() if value is not None}


def _error(response: httpx.Response) -> ApiError:
    problem = problem_of(response.status_code, response.text)
    if response.headers.get("content-type", "").startswith(PROBLEM_MEDIA_TYPE):
        with suppress(ValidationError):  # a proxy's idea of a problem: its text is all we have
            problem = Problem.model_validate_json(response.content)
    return error_of(problem, retry_after_seconds=_seconds(response.headers.get("retry-after")))


def _seconds(header: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is not used by the gateway."""
    try:
        return float(header) if header else None
    except ValueError:
        return None
