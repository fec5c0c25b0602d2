"""What pools serve, asked once."""

import asyncio
from collections import defaultdict

from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription


class Descriptions:
    """Remembers for the life of a task: calls side by side ask once, and what failed is asked again."""

    def __init__(self, plane: ModelPlane) -> None:
        self._plane = plane
        self._known: dict[str, PoolDescription] = {}
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, pool: str) -> PoolDescription:
        """What ``pool`` serves. Raises what ``describe`` raises."""
        if pool not in self._known:
            async with self._asking[pool]:
                if pool not in self._known:
                    self._known[pool] = await self._plane.describe(pool)
        return self._known[pool]
