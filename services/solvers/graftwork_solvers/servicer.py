"""The gRPC side: messages in and out of the port, errors as rich statuses."""

from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any
from typing import TypeVar

import grpc.aio

from graftwork.kit.errors import GraftworkError
from graftwork.kit.logging import get_logger
from graftwork.kit.spans import Spans
from graftwork.kit.tracing import is_traceparent
from graftwork.models import statuses
from graftwork.models import wire
from graftwork.models.plane import ModelPlane
from graftwork.models.proto.v1 import solvers_pb2 as pb
from graftwork.models.rpc_spans import answered
from graftwork.models.rpc_spans import answering
from graftwork.models.rpc_spans import full_method
from graftwork.models.rpc_spans import refused
from graftwork_solvers.errors import PodFault

log = get_logger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]
_Answer = TypeVar("_Answer")


class SolversServicer:
    """Serves a ``ModelPlane``. The caller's deadline is passed on, capped at ``longest_call_seconds``."""

    def __init__(self, plane: ModelPlane, *, longest_call_seconds: float, spans: Spans | None = None) -> None:
        self._plane = plane
        self._spans = spans or Spans()
        self._longest_call_seconds = longest_call_seconds

    async def Generate(self, message: pb.GenerateRequest, context: Context) -> pb.GenerateResponse:  # noqa: N802 - gRPC's
        """Chat completion."""

        async def answer(timeout_seconds: float) -> pb.GenerateResponse:
            request = wire.generate_request_of_wire(message)
            return wire.generation_to_wire(await self._plane.generate(request, timeout_seconds=timeout_seconds))

        return await self._answered("Generate", answer, message.pool, context)

    async def Embed(self, message: pb.EmbedRequest, context: Context) -> pb.EmbedResponse:  # noqa: N802 - gRPC's
        """One vector per text."""

        async def answer(timeout_seconds: float) -> pb.EmbedResponse:
            request = wire.embed_request_of_wire(message)
            return wire.embeddings_to_wire(await self._plane.embed(request, timeout_seconds=timeout_seconds))

        return await self._answered("Embed", answer, message.pool, context)

    async def Describe(self, message: pb.DescribeRequest, context: Context) -> pb.DescribeResponse:  # noqa: N802 - gRPC's
        """What a pool serves."""

        async def answer(timeout_seconds: float) -> pb.DescribeResponse:
            description = await self._plane.describe(message.pool, timeout_seconds=timeout_seconds)
            return wire.description_to_wire(description)

        return await self._answered("Describe", answer, message.pool, context)

    async def _answered(
        self, method: str, answer: Callable[[float], Awaitable[_Answer]], pool: str, context: Context
    ) -> _Answer:
        with answering(self._spans, full_method(method), _traceparent(context)) as span:
            try:
                told = await answer(self._timeout_seconds(context))
            except GraftworkError as error:
                log.warning("call.failed", pool=pool, code=error.code, problem=str(error))
                failure = error
            except Exception:
                log.exception("call.broke", pool=pool)
                failure = PodFault("the pod made a mistake; its log tells which")
            else:
                answered(span)
                return told
            refused(span, statuses.status_code_of(failure))
        return await statuses.abort(context, failure)

    def _timeout_seconds(self, context: Context) -> float:
        remaining = context.time_remaining()
        return self._longest_call_seconds if remaining is None else min(remaining, self._longest_call_seconds)


def _traceparent(context: Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "traceparent" and is_traceparent(str(value)):
            return str(value)
    return None
