"""The two clocks."""

import asyncio
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from graftwork.kit.clock import Clock
from graftwork.kit.clock import FakeClock
from graftwork.kit.clock import SystemClock


def test_a_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock(datetime(2026, 5, 4, tzinfo=UTC))
    assert clock.now() == clock.now() == datetime(2026, 5, 4, tzinfo=UTC)

    clock.advance(90)

    assert clock.now() == datetime(2026, 5, 4, 0, 1, 30, tzinfo=UTC)


async def test_sleeping_on_a_fake_clock_takes_its_time_and_none_of_ours() -> None:
    clock, turns = FakeClock(), list[str]()

    async def other() -> None:
        turns.append("other")

    waiting = asyncio.ensure_future(other())
    began = clock.now()
    await clock.sleep(1_000_000)
    turns.append("sleeper")

    assert clock.now() - began == timedelta(seconds=1_000_000)
    assert turns == ["other", "sleeper"]
    await waiting


async def test_the_system_clock_tells_utc_and_goes_on() -> None:
    clock: Clock = SystemClock()
    before = clock.now()

    await clock.sleep(0.001)

    assert before.utcoffset() == timedelta(0)
    assert clock.now() > before
