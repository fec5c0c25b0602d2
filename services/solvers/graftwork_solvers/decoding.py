"""What is no message at all is refused as other bad calls are."""

from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from graftwork.kit.errors import ModelRefused
from graftwork.models import statuses
from graftwork.models.channels import SERVICE

_Behaviour = Callable[[Any, Any], Awaitable[Any]]


class Decoding(grpc.aio.ServerInterceptor):
    """For our own service. gRPC alone would say UNKNOWN without details, and log a traceback for each."""

    async def intercept_service(self, continuation: Any, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The method's handler, with a decoder that raises nothing."""
        handler = await continuation(handler_call_details)
        if not handler_call_details.method.startswith(f"/{SERVICE}/") or handler is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _refusing(handler.unary_unary),
            request_deserializer=_quiet(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _quiet(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def decoded(raw: bytes) -> Any:
        try:
            return decode(raw)
        except DecodeError as error:
            return error

    return decoded


def _refusing(answer: _Behaviour) -> _Behaviour:
    async def answered(message: Any, context: Any) -> Any:
        if isinstance(message, DecodeError):
            await statuses.abort(context, ModelRefused(f"what was sent is no message of {SERVICE}: {message}"))
        return await answer(message, context)

    return answered
