"""How long a worker may compute, watched from outside, where no workflow can reach the clock.

What counts is the time from an order until the worker is at rest: waiting for a model costs nothing. A worker that does
not get the processor, because the machine is busy, is given more time, but not for ever.
"""

import asyncio
import os
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

from graftwork_runner.faults import ALL_TOO_LONG
from graftwork_runner.faults import TURN_TOO_LONG
from graftwork_runner.sandbox import Limits
from graftwork_runner.walls.processes import children_of

HUNG_SECONDS = 5.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_AGAIN_SECONDS = 0.1


class Watch:
    """Of one session over ``seeds`` seeds. ``expire`` is called once, with the limit that was passed."""

    def __init__(self, limits: Limits, seeds: int, *, cpu: Callable[[], float], expire: Callable[[str], None]) -> None:
        self._turn_seconds = limits.turn_seconds
        self._left = limits.sample_seconds * seeds
        self._cpu = cpu
        self._expire = expire
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._began = self._cpu_then = 0.0

    def __enter__(self) -> None:
        """Begin a turn."""
        self._began, self._cpu_then = self._loop.time(), self._cpu()
        self._timer = self._loop.call_later(self._allowed, self._check)

    def __exit__(self, *_exc: object) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()
        self._left -= self._elapsed

    @property
    def _allowed(self) -> float:
        return max(0.0, min(self._turn_seconds, self._left))

    @property
    def _elapsed(self) -> float:
        return self._loop.time() - self._began

    def _check(self) -> None:
        used = self._cpu() - self._cpu_then
        starved = used < self._allowed / 2 and self._elapsed < self._allowed + HUNG_SECONDS
        if starved and self._left > 0:
            self._timer = self._loop.call_later(max(_AGAIN_SECONDS, self._allowed - used), self._check)
            return
        in_all = self._left < self._turn_seconds
        self._expire(ALL_TOO_LONG if in_all else TURN_TOO_LONG)


def family(pid: int) -> tuple[int, ...]:
    """A process and its descendants. Behind a wall no others join them, so it is enough to ask once."""
    return (pid, *(member for child in children_of(pid) for member in family(child)))


def cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time of these processes so far; those that are gone count nothing."""
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
