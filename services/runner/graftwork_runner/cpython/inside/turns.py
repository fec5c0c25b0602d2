"""The event loop of workflows: it runs until nothing can go on, says so, and waits to be told what happens next.

There are no sockets, no child processes and no threads to wait for, and time does not pass by itself. So every run
depends only on the order in which answers are handed in, which is ours to choose.
"""

import asyncio
from collections.abc import Callable
from typing import Any


class TurnLoop(asyncio.BaseEventLoop):
    """``rest(timers)`` is called when nothing can run; it returns whether to let the next timer ring."""

    def __init__(self, rest: Callable[[bool], bool]) -> None:
        super().__init__()
        self._rest = rest
        self._now = 0.0
        self._selector = self  # whom the base class asks for news, when it has nothing to do
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        """Seconds that timers have waited; nothing else takes time."""
        return self._now

    def select(self, timeout: float | None) -> tuple[()]:
        """Wait for news, which come as calls of futures and not as events."""
        if (timeout is None or timeout > 0) and self._rest(timeout is not None):
            self._now += timeout or 0.0
        return ()

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken: there are no threads."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        """Run ``func`` at once: a thread would end whenever it likes."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (belongs to whoever awaits it)
            future.set_exception(error)
        return future


def sleep_takes_no_time() -> None:
    """Let ``asyncio.sleep`` only give way to others."""
    give_way = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:  # noqa: ARG001
        return await give_way(0, result)

    asyncio.sleep = asyncio.tasks.sleep = sleep
