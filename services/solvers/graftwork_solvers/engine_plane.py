"""The model plane of a pod that owns its engine: while that is away, calls are told so at once.

And the first that fails has the engine looked at: by the time that vLLM's processes have ended, many more would fail.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from graftwork.kit.errors import DependencyDown
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription


class DoubtfulEngine(Protocol):
    """An engine that may be away."""

    def check(self) -> None:
        """Raise ``DependencyDown`` while it is known to be away."""
        ...

    async def verify(self) -> None:
        """Look whether it still is there."""
        ...


class EnginePlane:
    """``ModelPlane`` in front of an engine."""

    def __init__(self, plane: ModelPlane, engine: DoubtfulEngine) -> None:
        self._plane = plane
        self._engine = engine

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Chat completion."""
        async with self._there():
            return await self._plane.generate(request, timeout_seconds=timeout_seconds)

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:
        """Embed texts."""
        async with self._there():
            return await self._plane.embed(request, timeout_seconds=timeout_seconds)

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        """What the pool serves."""
        async with self._there():
            return await self._plane.describe(pool, timeout_seconds=timeout_seconds)

    @asynccontextmanager
    async def _there(self) -> AsyncIterator[None]:
        self._engine.check()
        try:
            yield
        except DependencyDown:
            await self._engine.verify()
            raise
