"""A server for the time of one command: the one that runs, else a platform of our own, stopped at the end."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Coroutine
from typing import Any
from typing import TypeVar

from graftwork.cli.connection import Server
from graftwork.cli.steps import Steps
from graftwork.local.state import graftwork_home

T = TypeVar("T")


async def with_server(server: Server | None, steps: Steps, work: Callable[[Server], Coroutine[Any, Any, T]]) -> T:
    """Do ``work`` with ``server``, or where None, with a platform that is started for it.

    Raises:
        LocalServerError: the platform could not be started, or broke down.
    """
    if server is not None:
        return await work(server)
    from graftwork.local.supervisor import Platform  # noqa: PLC0415 (an extra; a given server needs none of it)

    platform = Platform(graftwork_home(), on_progress=steps)
    async with platform as state:
        steps(f"Graftwork is ready at {state.url}")
        return await first_of(work(Server(state.url, state.api_key, local=True)), platform.watch)


async def first_of(work: Coroutine[Any, Any, T], watch: Callable[[], Awaitable[Any]]) -> T:
    """Return what ``work`` returns, unless the watch over the platform ends first: then raise its error."""
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(watch())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await watching
        return working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
