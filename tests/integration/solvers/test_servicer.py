"""The gRPC side alone, with a fake plane behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.tracing import inherited_traceparent
from graftwork.kit.tracing import traced
from graftwork.models.channels import server_options
from graftwork.models.fake import FakePlane
from graftwork.models.fake import Script
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork.models.proto.v1 import solvers_pb2 as pb
from graftwork.models.proto.v1 import solvers_pb2_grpc
from graftwork_solvers.servicer import SolversServicer
from tests.support.pods import client_at

REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),))
MESSAGE = pb.GenerateRequest(pool="generator", messages=[pb.Message(role=pb.ROLE_USER, content="hi")])


@asynccontextmanager
async def served(script: Script, *, longest_call_seconds: float = 60.0) -> AsyncIterator[str]:
    """The address of a server that answers from ``script``; it has no health service, and needs none."""
    server = grpc.aio.server(options=server_options(connection_age_seconds=60, connection_grace_seconds=60))
    servicer = SolversServicer(FakePlane(script), longest_call_seconds=longest_call_seconds)
    solvers_pb2_grpc.add_SolversServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


async def test_a_mistake_of_ours_is_logged_and_its_words_stay_here() -> None:
    def broken(_request: GenerateRequest) -> str:
        raise ValueError("with a secret in it")

    async with served(broken) as address, grpc.aio.insecure_channel(address) as channel:
        with capture_logs() as logs, pytest.raises(grpc.aio.AioRpcError) as failed:
            await solvers_pb2_grpc.SolversStub(channel).Generate(MESSAGE, timeout=10)

    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(failed.value)
    assert [entry["event"] for entry in logs] == ["call.broke"]


async def test_a_caller_without_a_deadline_gets_the_longest_there_is() -> None:
    async def never(_request: GenerateRequest) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    async with served(never, longest_call_seconds=0.2) as address, grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="in time") as failed:
            await solvers_pb2_grpc.SolversStub(channel).Generate(MESSAGE)

    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_message_that_is_no_request_is_refused() -> None:
    async with served(lambda _: "x") as address, grpc.aio.insecure_channel(address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await solvers_pb2_grpc.SolversStub(channel).Generate(pb.GenerateRequest(pool="generator"), timeout=10)

    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "messages" in str(failed.value.details())


async def test_the_caller_s_trace_goes_on_in_the_pod() -> None:
    def trace_of(_request: GenerateRequest) -> str:
        return str(inherited_traceparent())

    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with served(trace_of) as address, client_at(address) as client:
        with traced(trace):
            generation = await client.generate(REQUEST, timeout_seconds=10)

    assert generation.texts == (trace,)


async def test_a_server_without_health_service_is_asked_all_the_same() -> None:
    async with served(lambda _: "here") as address, client_at(address) as client:
        generation = await client.generate(REQUEST, timeout_seconds=10)

    assert generation.texts == ("here",)


@pytest.mark.parametrize("error", [DependencyDown, ModelRefused])
async def test_status_and_reason_of_an_error_reach_any_grpc_client(error: type[Exception]) -> None:
    def failing(_request: GenerateRequest) -> str:
        raise error("because")

    async with served(failing) as address, client_at(address, unavailable_attempts=1) as client:
        with pytest.raises(error, match=r"^because$"):
            await client.generate(REQUEST, timeout_seconds=10)
