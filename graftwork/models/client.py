"""The model plane over gRPC."""

import random
import time
from collections.abc import Awaitable
from collections.abc import Callable
from types import TracebackType
from typing import Any
from typing import Self

import grpc
import grpc.aio
import stamina

from graftwork.kit.certificates import CertificateFiles
from graftwork.kit.errors import GraftworkError
from graftwork.kit.tracing import inherited_traceparent
from graftwork.models import statuses
from graftwork.models import wire
from graftwork.models.addresses import PoolAddresses
from graftwork.models.lines import Lines
from graftwork.models.patience import Deadline
from graftwork.models.patience import Patience
from graftwork.models.plane import Embeddings
from graftwork.models.plane import EmbedRequest
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Generation
from graftwork.models.plane import PoolDescription
from graftwork.models.proto.v1 import solvers_pb2 as pb
from graftwork.models.rpc_spans import calling
from graftwork.models.rpc_spans import full_method
from graftwork.models.settings import CallerSettings
from graftwork.models.telemetry import ModelTelemetry
from graftwork.models.turns import Turns

_Method = Callable[[Any, float], Awaitable[Any]]


class SolverClient:
    """``ModelPlane`` over gRPC: one channel per address, made on the loop that first uses it.

    With ``certificates``, over mutual TLS.

    At most ``calls_per_pool`` calls are under way to each pool. Further ones wait, those that are between two tries
    keep their places, and a call whose deadline has passed by the time that it could be sent is not.

    Full pods are asked again, as they tell, until the deadline; dead ones at most
    ``unavailable_attempts`` times in all, since the caller's own retries outlive a restart better.
    Use it as an async context manager, or ``close`` it.
    """

    def __init__(
        self,
        addresses: PoolAddresses,
        *,
        calls_per_pool: int = 64,
        unavailable_attempts: int = 6,
        backoff_seconds: float = 0.1,
        jitter: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        telemetry: ModelTelemetry | None = None,
        certificates: CertificateFiles | None = None,
    ) -> None:
        """Raises ``CertificateUnusable``."""
        self._addresses = addresses
        self._telemetry = telemetry or ModelTelemetry("graftwork", counts_tokens=False)
        self._turns = Turns(calls_per_pool)
        self._unavailable_attempts = unavailable_attempts
        self._backoff_seconds = backoff_seconds
        self._jitter = jitter or random.SystemRandom()
        self._monotonic = monotonic
        self._lines = Lines(certificates)

    @classmethod
    def of(cls, settings: CallerSettings) -> Self:
        """As the settings of a service say. Raises ``CertificateUnusable``."""
        return cls(settings.pools, calls_per_pool=settings.model_calls_per_pool, certificates=settings.grpc_files)

    async def generate(self, request: GenerateRequest, *, timeout_seconds: float) -> Generation:
        """Chat completion."""
        message = wire.generate_request_to_wire(request)
        call, server = self._method(request.pool, "Generate"), self._addresses.of(request.pool)
        with self._telemetry.chat(request, model=request.model, server=server) as observed:
            generation = wire.generation_of_wire(await self._in_turn(call, message, request.pool, timeout_seconds))
            if observed is not None:
                observed.generated(generation)
        return generation

    async def embed(self, request: EmbedRequest, *, timeout_seconds: float) -> Embeddings:
        """Embed texts; the vectors keep the order."""
        message = wire.embed_request_to_wire(request)
        call, server = self._method(request.pool, "Embed"), self._addresses.of(request.pool)
        with self._telemetry.embeddings(request, model=request.model, server=server) as observed:
            embeddings = wire.embeddings_of_wire(await self._in_turn(call, message, request.pool, timeout_seconds))
            if observed is not None:
                observed.embedded(embeddings)
        return embeddings

    async def describe(self, pool: str, *, timeout_seconds: float = 5.0) -> PoolDescription:
        """What the pool serves."""
        call = self._method(pool, "Describe")
        message = pb.DescribeRequest(pool=pool)
        return wire.description_of_wire(await self._ask(call, message, pool, self._deadline(pool, timeout_seconds)))

    async def close(self) -> None:
        """Close all channels; calls under way are cancelled."""
        await self._lines.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _method(self, pool: str, name: str) -> _Method:
        """One try of a method: each is a span, and the pod's is within it."""
        server, method = self._addresses.of(pool), full_method(name)

        async def tried(message: Any, timeout_seconds: float) -> Any:
            async with self._lines.to(server) as stub:
                with calling(self._telemetry.spans, method, server):
                    return await getattr(stub, name)(message, timeout=timeout_seconds, metadata=_metadata())

        return tried

    def _deadline(self, pool: str, seconds: float) -> Deadline:
        return Deadline(pool, seconds, self._monotonic)

    async def _in_turn(self, call: _Method, message: Any, pool: str, timeout_seconds: float) -> Any:
        deadline = self._deadline(pool, timeout_seconds)
        async with self._turns.turn(pool, longest_seconds=timeout_seconds):
            return await self._ask(call, message, pool, deadline)

    async def _ask(self, call: _Method, message: Any, pool: str, deadline: Deadline) -> Any:
        patience = Patience(
            pool,
            remaining_seconds=deadline.remaining,
            unavailable_attempts=self._unavailable_attempts,
            backoff_seconds=self._backoff_seconds,
            jitter=self._jitter,
        )
        last: GraftworkError | None = None
        async for attempt in stamina.retry_context(on=patience, attempts=None, timeout=None):
            with attempt:
                timeout = deadline.remaining()
                if timeout <= 0:
                    raise last or deadline.passed()
                try:
                    return await call(message, timeout)
                except grpc.aio.AioRpcError as failure:
                    last = _error_of(failure, deadline, last)
                    raise last from failure
        raise AssertionError("stamina ends with an answer or an error")


def _metadata() -> tuple[tuple[str, str], ...]:
    traceparent = inherited_traceparent()
    return () if traceparent is None else (("traceparent", traceparent),)


def _error_of(failure: grpc.aio.AioRpcError, deadline: Deadline, last: GraftworkError | None) -> GraftworkError:
    """What to raise; when the deadline cut a retry short, the reason for that retry says more."""
    if failure.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
        return statuses.error_of(failure, pool=deadline.pool)
    return last or deadline.passed()
