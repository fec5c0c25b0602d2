"""A call that waits for a model writes nothing for minutes, while the client asks the connection for signs of life."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from graftwork.models.channels import Options
from graftwork.models.channels import client_options
from graftwork.models.channels import server_options

PING_SECONDS = 1.0  # gRPC's least
LONG_ENOUGH = 8 * PING_SECONDS  # a server of gRPC's own settings takes four pings for an attack
TOLERANCE = ("grpc.http2.max_ping_strikes", "grpc.http2.min_ping_interval_without_data_ms")


def of_a_pod() -> Options:
    return server_options(connection_age_seconds=300, connection_grace_seconds=300)


def of_grpc_itself() -> Options:
    return tuple(option for option in of_a_pod() if option[0] not in TOLERANCE)


@asynccontextmanager
async def silent_server(options: Options) -> AsyncIterator[str]:
    """A server that never answers."""

    async def silence(_request: bytes, _context: object) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    server = grpc.aio.server(options=options)
    method: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(silence)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("silent.Silent", method),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (of_a_pod(), grpc.StatusCode.DEADLINE_EXCEEDED),
        (of_grpc_itself(), grpc.StatusCode.UNAVAILABLE),  # "Too many pings", for every call on that connection
    ],
    ids=["a pod", "gRPC's own settings"],
)
async def test_a_silent_call_outlives_the_pings_of_its_client_on_a_pod(options: Options, end: grpc.StatusCode) -> None:
    async with silent_server(options) as address:
        # Without its service config, which asks for a health service.
        quick = [option for option in client_options(ping_seconds=PING_SECONDS) if option[0] != "grpc.service_config"]
        async with grpc.aio.insecure_channel(address, options=quick) as channel:
            call: Any = channel.unary_unary("/silent.Silent/Call")
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call(b"", timeout=LONG_ENOUGH)

    assert ended.value.code() is end
