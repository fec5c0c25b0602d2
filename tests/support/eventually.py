"""Waiting in tests for what another task or process is about to do."""

import asyncio
import inspect
from collections.abc import Awaitable
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")


async def assert_eventually(
    fn: Callable[[], Awaitable[R] | R], timeout_seconds: float = 10.0, interval_seconds: float = 0.05
) -> R:
    """Call ``fn``, plain or async, until it raises no AssertionError; return what it returned.

    Raises:
        AssertionError: the last one, once the time is over.
        Exception: any other that ``fn`` raises, at once.
    """
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        try:
            answer = fn()
            return await answer if inspect.isawaitable(answer) else answer
        except AssertionError:
            if asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(interval_seconds)
