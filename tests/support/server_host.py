"""Starts servers for a whole test run, each when it is first asked for, and stops them at its end.

Under xdist the controller is the host and its workers ask over a socket; otherwise the one process asks
itself. So every server is started once a run, whoever needs it first, and outlives every worker. If the
controller is killed, the servers die with it.
"""

import asyncio
import json
import os
import shutil
import socket
import tempfile
import threading
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path

from graftwork.local.errors import LocalServerError
from graftwork.local.kafka import kafka_server
from graftwork.local.model import model_server
from graftwork.local.server import Starter
from tests.support.s3 import s3_server
from tests.support.secured import secured_kafka
from tests.support.secured import secured_mongo
from tests.support.timeless import timeless_mongo

HOST_ADDRESS = "GRAFTWORK_TEST_SERVER_HOST"
ASK_TIMEOUT_SECONDS = 400
LISTEN_TIMEOUT_SECONDS = 30
STARTERS: dict[str, Starter] = {
    "kafka": kafka_server,
    "mongo": timeless_mongo,
    "model": model_server,
    "s3": s3_server,
    "secured_kafka": secured_kafka,
    "secured_mongo": secured_mongo,
}


def ask(kind: str) -> str:
    """Return the address of the run's server of that kind, started now where nobody asked before.

    Raises:
        RuntimeError: it cannot be had.
    """
    host, _, port = os.environ[HOST_ADDRESS].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=ASK_TIMEOUT_SECONDS) as connection:
        connection.sendall(f"{kind}\n".encode())
        with connection.makefile() as lines:
            answer = json.loads(lines.readline())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return str(answer["address"])


class ServerHost:
    """A thread with an event loop of its own, which lives as long as the test run."""

    def __init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="test-servers")
        self._port: Future[int] = Future()
        self._locks = {kind: asyncio.Lock() for kind in STARTERS}
        self._answers: dict[str, dict[str, str]] = {}

    def start(self) -> str:
        """Start listening; return the address to ask at."""
        self._thread.start()
        return f"127.0.0.1:{self._port.result(LISTEN_TIMEOUT_SECONDS)}"

    def close(self) -> None:
        """Stop all servers and wait until they are gone."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="graftwork-servers-"))
        try:
            asyncio.run(self._serve())
        finally:
            shutil.rmtree(self._home)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        listener = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with AsyncExitStack() as self._servers, listener:
            self._port.set_result(listener.sockets[0].getsockname()[1])
            await self._closing.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = (await reader.readline()).decode().strip()
        async with self._locks[kind]:
            if kind not in self._answers:
                self._answers[kind] = await self._start(kind)
        writer.write(json.dumps(self._answers[kind]).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    async def _start(self, kind: str) -> dict[str, str]:
        try:
            server = await self._servers.enter_async_context(STARTERS[kind](self._home / kind))
        except LocalServerError as error:
            return {"error": str(error)}
        return {"address": server.address}
