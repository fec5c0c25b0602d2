"""When a request is worth sending again, and how long to wait before."""

from collections.abc import Sequence
from http import HTTPStatus

import httpx

from graftwork.client.errors import ApiError
from graftwork.client.errors import ClientError
from graftwork.client.errors import NotFound
from graftwork.client.errors import TooMany
from graftwork.client.errors import Unreachable

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
"""Waits between the attempts to send one request; after the last one its error is raised."""

LONGEST_WAIT_SECONDS = 60.0
"""A server that asks for more patience than this is not waited for: its error is raised, and says so."""


class Patience:
    """Waits of one request.

    A server that is busy (429), away (503) or not reached did nothing, so that any request may be sent again. Where
    the connection broke later, nobody knows; then only requests are sent again that may be carried out twice.

    Args:
        repeatable: the request may be carried out twice.
        awaited: what is not there yet is going to appear.
        waits: seconds between attempts; a server that asks for a longer wait (``Retry-After``) gets it.
    """

    def __init__(self, *, repeatable: bool, awaited: bool = False, waits: Sequence[float] = RETRY_SECONDS) -> None:
        self._repeatable = repeatable
        self._awaited = awaited
        self._waits = iter(waits)

    def wait_seconds(self, error: ClientError) -> float:
        """Return how long to wait before the next attempt. Raises ``error`` where there is to be none."""
        wait = next(self._waits, None) if self._worth_it(error) else None
        asked = error.retry_after_seconds if isinstance(error, ApiError) else None
        if wait is None or (asked or 0) > LONGEST_WAIT_SECONDS:
            raise error
        return max(wait, asked or 0)

    def _worth_it(self, error: ClientError) -> bool:
        if isinstance(error, Unreachable):
            return self._repeatable or isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
        if isinstance(error, NotFound):
            return self._awaited
        return isinstance(error, TooMany) or (
            isinstance(error, ApiError) and error.status == HTTPStatus.SERVICE_UNAVAILABLE
        )


def unreachable(url: str, error: httpx.TransportError) -> Unreachable:
    """Return the error of a connection that could not be opened, or that broke."""
    return Unreachable(url, str(error) or type(error).__name__)
