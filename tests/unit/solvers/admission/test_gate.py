import asyncio

import pytest

from graftwork.kit.errors import Overloaded
from graftwork_solvers.admission.gate import Gate
from graftwork_solvers.admission.limit import Limit


class Visitor:
    """A call that stays inside until it is let go."""

    def __init__(self, gate: Gate) -> None:
        self.inside = asyncio.Event()
        self._leave = asyncio.Event()
        self._task = asyncio.ensure_future(self._visit(gate))

    async def _visit(self, gate: Gate) -> None:
        async with gate.place():
            self.inside.set()
            await self._leave.wait()

    async def leave(self) -> None:
        self._leave.set()
        await self._task

    async def cancelled(self) -> None:
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task


async def turn_over() -> None:
    """Let every task run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_are_inside() -> None:
    gate = Gate(Limit(2, 2), 8, retry_seconds=1)
    visitors = [Visitor(gate) for _ in range(4)]
    await turn_over()

    assert [visitor.inside.is_set() for visitor in visitors] == [True, True, False, False]

    for visitor in visitors:
        await visitor.leave()


async def test_who_waits_goes_in_in_order() -> None:
    gate = Gate(Limit(1, 1), 8, retry_seconds=1)
    first, second, third = Visitor(gate), Visitor(gate), Visitor(gate)
    await turn_over()

    await first.leave()
    await turn_over()

    assert (second.inside.is_set(), third.inside.is_set()) == (True, False)
    await second.leave()
    await third.leave()


async def test_a_full_queue_says_when_to_come_back() -> None:
    gate = Gate(Limit(1, 1), 1, retry_seconds=2.5)
    inside, waiting = Visitor(gate), Visitor(gate)
    await turn_over()

    with pytest.raises(Overloaded) as full:
        async with gate.place():
            pass

    assert full.value.retry_after_seconds == 2.5
    await inside.leave()
    await waiting.leave()


async def test_a_gate_without_queue_lets_in_up_to_its_limit() -> None:
    gate = Gate(Limit(1, 1), 0, retry_seconds=1)

    async with gate.place() as place:
        with pytest.raises(Overloaded):
            async with gate.place():
                pass

    assert place.queue_seconds >= 0


async def test_who_gives_up_waiting_leaves_its_place_in_the_queue() -> None:
    gate = Gate(Limit(1, 1), 1, retry_seconds=1)
    inside, impatient = Visitor(gate), Visitor(gate)
    await turn_over()
    await impatient.cancelled()

    patient = Visitor(gate)
    await turn_over()
    await inside.leave()
    await turn_over()

    assert patient.inside.is_set()
    await patient.leave()


async def test_a_call_that_fails_gives_its_place_back() -> None:
    gate = Gate(Limit(1, 1), 0, retry_seconds=1)

    for _ in range(3):
        with pytest.raises(ValueError, match="inside"):
            async with gate.place():
                raise ValueError("inside")


async def test_a_place_given_to_who_gives_up_in_the_same_moment_goes_to_the_next() -> None:
    gate = Gate(Limit(1, 1), 8, retry_seconds=1)
    async with gate.place():
        gives_up, patient = Visitor(gate), Visitor(gate)
        await turn_over()
    # Nobody had a turn since: the place is given, and not yet taken.
    await gives_up.cancelled()
    await turn_over()

    assert not gives_up.inside.is_set()
    assert patient.inside.is_set()
    await patient.leave()
    assert gate.inside == 0
