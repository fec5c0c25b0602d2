"""Calls to a pod past our own client: what any gRPC client may send, and the status that it sees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from graftwork.models.channels import SERVICE
from graftwork.models.proto.v1 import solvers_pb2 as pb
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.bootstrap import Pod

_UNLIMITED = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))


@dataclass(frozen=True)
class Told:
    """A failed call's status: code, words, and the reason and wait in its details. ``whole``: all of it, as text."""

    code: grpc.StatusCode
    words: str
    reason: str | None
    wait_seconds: float | None
    whole: str


@asynccontextmanager
async def channel_to(pod: Pod) -> AsyncIterator[grpc.aio.Channel]:
    """A channel without health checks, retries and limits."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{pod.grpc_port}", options=_UNLIMITED) as channel:
        yield channel


def message(**fields: Any) -> pb.GenerateRequest:
    """Return a message as our client would build it, but for ``fields``."""
    usual = {"pool": "generator", "messages": [pb.Message(role=pb.ROLE_USER, content="hi")]}
    return pb.GenerateRequest(**{**usual, **fields})


async def generated(pod: Pod, asked: pb.GenerateRequest) -> pb.GenerateResponse:
    """Send ``asked`` once."""
    async with channel_to(pod) as channel:
        answer: pb.GenerateResponse = await solvers_pb2_grpc.SolversStub(channel).Generate(asked, timeout=20)
    return answer


async def refused(pod: Pod, asked: pb.GenerateRequest) -> Told:
    """Send ``asked`` once, and return the status by which it fails."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await generated(pod, asked)
    return told(raised.value)


async def refused_bytes(pod: Pod, raw: bytes, method: str = "Generate") -> Told:
    """Send what need not be a message at all."""
    async with channel_to(pod) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await bare_call(channel, method)(raw, timeout=20)
    return told(raised.value)


def bare_call(channel: grpc.aio.Channel, method: str = "Generate") -> Any:
    """Return the call of a method, of bytes by bytes."""
    call: Any = channel.unary_unary(f"/{SERVICE}/{method}")
    return call


def told(failure: grpc.aio.AioRpcError) -> Told:
    """Read a status and its details."""
    trailing = dict(failure.trailing_metadata() or ())
    status = Status.FromString(trailing.get("grpc-status-details-bin", b""))
    info, retry = ErrorInfo(), RetryInfo()
    reason = next((info.reason for detail in status.details if detail.Unpack(info)), None)
    wait = next((retry.retry_delay.ToTimedelta().total_seconds() for one in status.details if one.Unpack(retry)), None)
    return Told(failure.code(), failure.details() or "", reason, wait, f"{failure!r} {trailing!r} {status}")
