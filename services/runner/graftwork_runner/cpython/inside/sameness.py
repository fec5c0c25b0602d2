"""Takes clock and chance away from the workflow, so that the same seed makes the same run.

To be applied before any other module is imported: many keep the functions that they find in ``time``.
What remains of chance: the addresses of objects (``id``, the order of sets of objects that are not text), and timers
of the workflow's own, such as ``asyncio.timeout``, if other seeds run beside it.
"""

import sys
import time
from typing import Any

_TOLD_NOTHING = None


def freeze_clock(now: float) -> None:
    """Let it be ``now`` for ever, and sleep take no time."""
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, lambda: now)
        setattr(time, f"{name}_ns", lambda: int(now * 1_000_000_000))
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _at(getattr(time, name), now))
    time.sleep = _sleep
    strftime, asctime = time.strftime, time.asctime
    time.strftime = lambda form, moment=_TOLD_NOTHING: strftime(form, moment or time.localtime())
    time.asctime = lambda moment=_TOLD_NOTHING: asctime(moment or time.localtime())
    # The datetime that is written in C asks the kernel; the one written in Python asks the module time.
    sys.modules["_datetime"] = None  # type: ignore[assignment]


def _at(function: Any, now: float) -> Any:
    return lambda seconds=None: function(now if seconds is None else seconds)


def _sleep(seconds: Any, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")


def foresee_chance() -> None:
    """Let all that asks the operating system for random bytes ask our own generator."""
    import os  # noqa: PLC0415 (after the clock)

    os.urandom = _bytes
    import random  # noqa: PLC0415

    seed = random.Random.seed

    def seed_foreseeably(self: random.Random, a: Any = None, version: int = 2) -> None:
        seed(self, _bytes(32) if a is None else a, version)

    random.Random.seed = seed_foreseeably  # type: ignore[method-assign]
    random.seed = random._inst.seed  # noqa: SLF001 (it was bound to the one before)
    _chance.append(random.Random("nothing yet"))  # noqa: S311 (it is to be foreseen)


_chance: list[Any] = []


def _bytes(size: int, /) -> bytes:
    made: bytes = _chance[0].randbytes(size)
    return made


def reseed(entropy: str) -> None:
    """Begin the random numbers anew."""
    import random  # noqa: PLC0415

    _chance[0].seed(f"bytes {entropy}")
    random.seed(entropy)
