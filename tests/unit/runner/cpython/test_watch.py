"""The clock that workflows cannot reach."""

import asyncio
import os

from graftwork_runner.cpython.watch import Watch
from graftwork_runner.cpython.watch import cpu_seconds
from graftwork_runner.cpython.watch import family
from graftwork_runner.faults import ALL_TOO_LONG
from graftwork_runner.faults import TURN_TOO_LONG
from graftwork_runner.sandbox import Limits


class Meter:
    """A processor whose use the test decides; notes what expired."""

    def __init__(self) -> None:
        self.used = 0.0
        self.read_again = asyncio.Event()
        self._readings = 0
        self.expired: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def read(self) -> float:
        self._readings += 1
        if self._readings > 2:  # at the start of the turn, when it should end, and later
            self.read_again.set()
        return self.used

    def watch(self, **limits: float) -> Watch:
        return Watch(Limits(**limits), 1, cpu=self.read, expire=self.expired.set_result)  # type: ignore[arg-type]


async def test_a_turn_that_computes_too_long_expires() -> None:
    meter = Meter()
    with meter.watch(turn_seconds=0.02, sample_seconds=5):
        meter.used = 1.0
        assert await meter.expired == TURN_TOO_LONG


async def test_turns_that_take_too_long_together_expire() -> None:
    meter = Meter()
    watch = meter.watch(turn_seconds=5, sample_seconds=1e-9)
    with watch:
        pass
    with watch:
        assert await meter.expired == ALL_TOO_LONG


async def test_a_worker_that_gets_no_processor_is_given_more_time() -> None:
    meter = Meter()
    with meter.watch(turn_seconds=0.01, sample_seconds=5):
        await meter.read_again.wait()
        assert not meter.expired.done()
        meter.used = 1.0
        assert await meter.expired == TURN_TOO_LONG


async def test_nothing_expires_between_turns() -> None:
    first, second = Meter(), Meter()
    with first.watch(turn_seconds=0.01, sample_seconds=5):
        pass
    first.used = second.used = 1.0
    with second.watch(turn_seconds=0.02, sample_seconds=5):
        second.used = 2.0
        await second.expired
    assert not first.expired.done()


def test_the_processor_time_of_a_process_grows_and_that_of_none_is_zero() -> None:
    ours = family(os.getpid())
    before = cpu_seconds(ours)
    while cpu_seconds(ours) <= before:
        pass
    assert cpu_seconds(family(2**22 + 1)) == 0.0
