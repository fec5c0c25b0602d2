"""Following a job's event stream across broken connections, without missing or repeating an event."""

from collections.abc import Sequence
from http import HTTPStatus

import httpx
from httpx_sse import ServerSentEvent

from graftwork.client.call import raise_for_problem
from graftwork.client.errors import ApiError
from graftwork.client.errors import ClientError
from graftwork.client.errors import ServerFailed
from graftwork.client.errors import TooMany
from graftwork.client.errors import Unreachable
from graftwork.contracts.rest import LAST_EVENT
from graftwork.contracts.rest import JobEvent

RECONNECT_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
"""Waits between attempts in a row that brought no event; after the last one the client gives up."""

SILENCE_SECONDS = 60.0
"""A stream without even a keep-alive for so long is a broken connection."""

STREAM_TIMEOUT = httpx.Timeout(10.0, read=SILENCE_SECONDS)


class Follower:
    """Where a client is in a stream.

    Args:
        url: for the message when it gives up.
        after: version of the last event that was seen; 0 for none.
        waits: seconds between attempts in a row that brought no event.
    """

    def __init__(self, url: str, *, after: int = 0, waits: Sequence[float] = RECONNECT_SECONDS) -> None:
        self._url = url
        self._after = after
        self._waits = waits
        self._failures = 0
        self._finished = False
        self.ended = False

    def headers(self) -> dict[str, str]:
        """Headers of the next attempt."""
        return {"Last-Event-ID": str(self._after)} if self._after else {}

    def open(self, response: httpx.Response) -> bool:
        """Look at an answer, whose body was read where it is an error; tell whether events follow.

        Raises:
            ApiError: it is one.
        """
        raise_for_problem(response)
        self.ended = response.status_code == HTTPStatus.NO_CONTENT  # the job ended, and we have seen that
        return not self.ended

    def take(self, message: ServerSentEvent) -> JobEvent | None:
        """Return the event of a message; None where it is none, or one that was seen."""
        if not message.data:
            return None
        event = JobEvent.model_validate_json(message.data)
        if event.version <= self._after:
            return None
        self._after = event.version
        self._failures = 0
        self._finished = event.what == LAST_EVENT
        return event

    def close(self) -> None:
        """Take note that the server ended the stream: behind a job's end, that is all there is.

        A job that was extended or retried has ended before, and its stream goes on behind that.
        """
        self.ended = self.ended or self._finished

    def wait_seconds(self, error: Exception | None) -> float:
        """Return how long to wait before the next attempt; ``error`` is None where the server ended the stream.

        Raises:
            ClientError: it is no use trying again, or it was tried often enough.
        """
        if isinstance(error, ApiError) and not isinstance(error, TooMany | ServerFailed):
            raise error
        if self._failures >= len(self._waits):
            raise self._given_up(error) from error
        wait = self._waits[self._failures]
        self._failures += 1
        asked = error.retry_after_seconds if isinstance(error, ApiError) else None
        return max(wait, asked or 0.0)

    def _given_up(self, error: Exception | None) -> ClientError:
        if isinstance(error, ClientError):
            return error
        return Unreachable(self._url, str(error) if error else "it ends the stream of events again and again")
