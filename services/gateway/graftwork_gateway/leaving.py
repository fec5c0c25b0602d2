"""Clients that leave before they are answered."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")
STATUS = 499
"""What is measured of a request whose client left; as of nginx, since nobody is there to read it."""


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` answers; it is cancelled as soon as the client leaves.

    The body has to be read before. Raises ``ClientDisconnect``, and what ``work`` raises.
    """
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_leave(receive))
            answer = await work
            watching.cancel()
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return answer


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass  # the end of the body
    raise ClientDisconnect
