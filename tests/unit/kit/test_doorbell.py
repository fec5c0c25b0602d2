"""A ring is never lost, and a bell that nobody rings only delays."""

import asyncio

from graftwork.kit.doorbell import Doorbell

LONG_SECONDS = 3_600.0


async def test_a_ring_wakes_the_waiter() -> None:
    bell = Doorbell()
    waiting = asyncio.ensure_future(bell.wait(LONG_SECONDS))
    await asyncio.sleep(0)
    assert not waiting.done()

    bell.ring()

    await waiting


async def test_a_ring_before_the_wait_is_not_lost() -> None:
    bell = Doorbell()
    bell.ring()

    await bell.wait(LONG_SECONDS)


async def test_a_ring_wakes_once() -> None:
    bell = Doorbell()
    bell.ring()
    bell.ring()
    await bell.wait(LONG_SECONDS)

    again = asyncio.ensure_future(bell.wait(LONG_SECONDS))
    await asyncio.sleep(0)

    assert not again.done()
    bell.ring()
    await again


async def test_a_wait_ends_without_a_ring() -> None:
    await Doorbell().wait(0.001)


async def test_work_left_at_the_bell_is_always_seen() -> None:
    """The loops' way to use it: look, then wait. Nothing stays undone while its ring is on the way."""
    bell, todo, done = Doorbell(), list[int](), list[int]()

    async def worker() -> None:
        while len(done) < 200:
            while todo:
                done.append(todo.pop(0))
            if len(done) < 200:
                await bell.wait(LONG_SECONDS)

    async def giver() -> None:
        for number in range(200):
            todo.append(number)
            bell.ring()
            for _ in range(number % 3):
                await asyncio.sleep(0)

    await asyncio.gather(worker(), giver())

    assert done == list(range(200))
