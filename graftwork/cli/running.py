"""Running a coroutine as the whole of a command: Ctrl-C and SIGTERM end it in order."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any
from typing import TypeVar

from graftwork.cli.errors import TERMINATED

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end.

    Ctrl-C, SIGTERM and a closed terminal cancel it, so that everything it holds is given back; the first
    then raises KeyboardInterrupt and the others exit.
    """

    async def cancelled_by_signals() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 (for the type checker: a coroutine that runs has a task)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await main

    try:
        return asyncio.run(cancelled_by_signals())
    except asyncio.CancelledError:
        sys.exit(TERMINATED)
