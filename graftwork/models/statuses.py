"""Our errors as gRPC statuses, and back: google.rpc.Status with ErrorInfo and RetryInfo."""

import math
from datetime import timedelta
from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyProto
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.kit.errors import RetryableError
from graftwork.kit.errors import UnknownPool

_DOMAIN = "graftwork"
_DETAILS_KEY = "grpc-status-details-bin"
_RETRY_AFTER_KEY = "retry-after-ms"
# Status messages travel in HTTP/2 headers, of which a peer takes 8 KiB in all.
_MESSAGE_CHARS = 1000

_CODES: tuple[tuple[type[GraftworkError], grpc.StatusCode], ...] = (
    (Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (UnknownPool, grpc.StatusCode.NOT_FOUND),
    (ModelRefused, grpc.StatusCode.INVALID_ARGUMENT),
    (RetryableError, grpc.StatusCode.UNAVAILABLE),
)
_BY_REASON: dict[str, type[GraftworkError]] = {
    error.code: error for error in (Overloaded, DependencyDown, UnknownPool, ModelRefused)
}
_REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
}

_HINTS = {
    "CERTIFICATE_VERIFY_FAILED": " (no authority in GRAFTWORK_GRPC_CA_FILE vouches for the pods' certificate)",
    "Hostname Verification": " (the pods' certificate does not name the host that GRAFTWORK_POOLS does)",
    "WRONG_VERSION_NUMBER": " (GRAFTWORK_GRPC_..._FILE are set here, and not for the pods)",
    # All that TLS tells whom a pod sends away; a pod that dies looks the same.
    "Socket closed": " (if the pods live: they may want a certificate, or not trust ours; see GRAFTWORK_GRPC_..._FILE)",
}
"""What gRPC says of a connection that failed -> what an operator can do about it."""


def status_code_of(error: GraftworkError) -> grpc.StatusCode:
    """Status code of an error; INTERNAL for one that this contract has no word for."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


def status_of(error: GraftworkError) -> Status:
    """The rich status of an error."""
    status = Status(code=status_code_of(error).value[0], message=str(error)[:_MESSAGE_CHARS])
    _pack(status, ErrorInfo(reason=error.code, domain=_DOMAIN))
    if isinstance(error, RetryableError) and error.retry_after_seconds is not None:
        _pack(status, _retry_info(error.retry_after_seconds))
    return status


def _pack(status: Status, detail: ErrorInfo | RetryInfo) -> None:
    packed = AnyProto()
    packed.Pack(detail)
    status.details.append(packed)


def _retry_info(seconds: float) -> RetryInfo:
    info = RetryInfo()
    info.retry_delay.FromTimedelta(timedelta(seconds=seconds))
    return info


async def abort(context: grpc.aio.ServicerContext, error: GraftworkError) -> NoReturn:  # type: ignore[type-arg]
    """End the call with the status of ``error``."""
    status = status_of(error)
    trailing = ((_DETAILS_KEY, status.SerializeToString()),)
    await context.abort(status_code_of(error), status.message, trailing)


def error_of(failure: grpc.aio.AioRpcError, *, pool: str) -> GraftworkError:
    """The error that a failed call stands for. ``pool`` names it where the peer could not."""
    status = _rich_status(failure)
    reason, retry_after = _details(status)
    retry_after = _pushback(failure) if retry_after is None else retry_after
    kind = _BY_REASON.get(reason) or _kind_of(failure)
    message = status.message or _described(failure, pool)
    if issubclass(kind, RetryableError):
        return kind(message, retry_after_seconds=retry_after)
    return kind(message)


def _rich_status(failure: grpc.aio.AioRpcError) -> Status:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                break
    return Status()


def _details(status: Status) -> tuple[str, float | None]:
    info, retry = ErrorInfo(), RetryInfo()
    reason, retry_after = "", None
    for detail in status.details:
        if detail.Unpack(info) and info.domain == _DOMAIN:
            reason = info.reason
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, retry_after


def _pushback(failure: grpc.aio.AioRpcError) -> float | None:
    """Seconds to wait as told by a proxy in between, which speaks metadata and not RetryInfo."""
    for key, value in failure.trailing_metadata() or ():
        if key == _RETRY_AFTER_KEY:
            return _milliseconds(value)
    return None


def _milliseconds(value: str | bytes) -> float | None:
    try:
        seconds = float(value) / 1000
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _kind_of(failure: grpc.aio.AioRpcError) -> type[GraftworkError]:
    code = failure.code()
    if code is grpc.StatusCode.NOT_FOUND:
        return UnknownPool
    if code in _REFUSALS or _too_large(failure):
        return ModelRefused
    return Overloaded if code is grpc.StatusCode.RESOURCE_EXHAUSTED else DependencyDown


def _too_large(failure: grpc.aio.AioRpcError) -> bool:
    # gRPC reports a message over the limit with the status of an overload; waiting will not shrink it.
    return failure.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in (failure.details() or "")


def _described(failure: grpc.aio.AioRpcError, pool: str) -> str:
    details = failure.details() or ""
    hint = next((hint for mark, hint in _HINTS.items() if mark in details), "")
    return f"pool {pool!r}: {failure.code().name}: {details}{hint}"
