"""Waiting in tests for what another task or process is about to do."""

import asyncio
import inspect
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from typing import TypeVar
from typing import overload

R = TypeVar("R")


@overload
async def assert_eventually(
    fn: Callable[[], Awaitable[R]], timeout_seconds: float = ..., interval_seconds: float = ...
) -> R: ...
@overload
async def assert_eventually(fn: Callable[[], R], timeout_seconds: float = ..., interval_seconds: float = ...) -> R: ...
async def assert_eventually(
    fn: Callable[[], Any], timeout_seconds: float = 30.0, interval_seconds: float = 0.05
) -> Any:
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
