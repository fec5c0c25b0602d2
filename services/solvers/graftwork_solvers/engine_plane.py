"""The model plane of a pod that owns its engine: while that is away, calls are told so at once."""

from collections.abc import Callable

from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import ModelPlane
from graftwork.models.plane import PoolDescription


class EnginePlane:
    """``ModelPlane`` behind ``check``, which raises what is wrong with the engine, if anything is."""

    def __init__(self, plane: ModelPlane, check: Callable[[], None]) -> None:
        self._plane = plane
        self._check = check

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Chat completion."""
        self._check()
        return await self._plane.generate(request, timeout_seconds=timeout_seconds)

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:
        """Embed texts."""
        self._check()
        return await self._plane.embed(request, timeout_seconds=timeout_seconds)

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        """What the pool serves."""
        self._check()
        return await self._plane.describe(pool, timeout_seconds=timeout_seconds)
