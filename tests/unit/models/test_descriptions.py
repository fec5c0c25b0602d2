import asyncio

import pytest
from typing_extensions import override

from graftwork.kit.errors import UnknownPool
from graftwork.models.descriptions import Descriptions
from graftwork.models.fake import FakePlane
from graftwork.models.fake import describe_fake
from graftwork.models.plane import PoolDescription


class Counting(FakePlane):
    """Counts how often it is asked what a pool serves, and takes its time to tell."""

    def __init__(self) -> None:
        super().__init__({}, pools=[describe_fake("p")])
        self.asked = 0

    @override
    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().describe(pool, timeout_seconds=timeout_seconds)


async def test_calls_side_by_side_ask_once_what_a_pool_serves() -> None:
    plane = Counting()
    pools = Descriptions(plane)

    told = await asyncio.gather(*(pools.of("p") for _ in range(20)))

    assert told == [describe_fake("p")] * 20
    assert plane.asked == 1


async def test_what_failed_is_asked_again() -> None:
    plane = Counting()
    pools = Descriptions(plane)

    for _ in range(2):
        with pytest.raises(UnknownPool):
            await pools.of("nobody")

    assert plane.asked == 2
