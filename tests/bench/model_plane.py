"""What the model plane costs: raw aiohttp against client + pod, on the same endpoint.

``python -m tests.bench.model_plane [--calls 1000] [--concurrency 32] [--latency-ms 50] [--repeat 3]``
The endpoint, the pod and the client are processes of their own, so that each's CPU can be told apart.
Machines differ and are shared: the ratio is the message, not the calls per second.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import aiohttp
import psutil
import uvloop

from graftwork.models.addresses import PoolAddresses
from graftwork.models.client import SolverClient
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message

_ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a" * 180}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 45, "total_tokens": 57},
    }
).encode()
_LISTING = json.dumps({"data": [{"id": "mock"}]}).encode()
_PROMPT = "Write one fact about the number {}."
_GRPC_PORT = 50951

Call = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Figures:
    """One run: calls per second, and CPU milliseconds per call in the client and in the pod."""

    rate: float
    client_ms: float
    pod_ms: float


class _Mock(asyncio.Protocol):
    """The cheapest endpoint there is, so that it does not hide what is measured."""

    def __init__(self, latency_seconds: float) -> None:
        self._latency = latency_seconds
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = _content_length(head)
        if not separator or len(rest) < length:
            return
        self._buffer = rest[length:]
        body = _LISTING if head.startswith(b"GET") else _ANSWER
        asyncio.get_running_loop().call_later(self._latency, self._answer, body)

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve_mock(latency_seconds: float) -> None:
    """Serve for ever, and say on which port."""
    server = await asyncio.get_running_loop().create_server(lambda: _Mock(latency_seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def measure(call: Call, *, calls: int, concurrency: int, pod: psutil.Process | None) -> Figures:
    """Keep ``concurrency`` calls in flight until all are made, after a short warm-up."""
    await _spread(call, 2 * concurrency, concurrency)
    started, client_cpu, pod_cpu = time.perf_counter(), time.process_time(), _cpu(pod)
    await _spread(call, calls, concurrency)
    seconds = time.perf_counter() - started
    client_ms = 1000 * (time.process_time() - client_cpu) / calls
    return Figures(calls / seconds, client_ms, 1000 * (_cpu(pod) - pod_cpu) / calls)


async def _spread(call: Call, calls: int, concurrency: int) -> None:
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


def _cpu(process: psutil.Process | None) -> float:
    return 0.0 if process is None else sum(process.cpu_times()[:2])


@asynccontextmanager
async def raw_call(url: str) -> AsyncIterator[Call]:
    """Open the yardstick: aiohttp and nothing else."""
    async with aiohttp.ClientSession() as session:

        async def call(number: int) -> None:
            body = {"model": "mock", "messages": [{"role": "user", "content": _PROMPT.format(number)}]}
            async with session.post(f"{url}/chat/completions", json=body) as response:
                await response.json()

        yield call


@asynccontextmanager
async def plane_call() -> AsyncIterator[Call]:
    """Open what the platform uses."""
    async with SolverClient(PoolAddresses.everywhere(f"127.0.0.1:{_GRPC_PORT}"), unavailable_attempts=50) as client:
        await client.describe("generator", timeout_seconds=60)

        async def call(number: int) -> None:
            message = Message(role="user", content=_PROMPT.format(number))
            await client.generate(GenerateRequest(pool="generator", messages=(message,)), timeout_seconds=60)

        yield call


async def compare(url: str, pod: psutil.Process, options: argparse.Namespace) -> None:
    """Measure both in turns, and print the medians."""
    raw, plane = [], []
    for _ in range(options.repeat):
        async with raw_call(url) as call:
            raw.append(await measure(call, calls=options.calls, concurrency=options.concurrency, pod=None))
        async with plane_call() as call:
            plane.append(await measure(call, calls=options.calls, concurrency=options.concurrency, pod=pod))
    _print("raw aiohttp", raw)
    _print("model plane", plane)
    ratio = statistics.median(p.rate for p in plane) / statistics.median(r.rate for r in raw)
    print(f"the plane makes {ratio:.2f} of the raw rate; ideal {1000 * options.concurrency / options.latency_ms:.0f}/s")


def _print(name: str, runs: list[Figures]) -> None:
    rate, client, pod = (
        statistics.median(getattr(run, figure) for run in runs) for figure in ("rate", "client_ms", "pod_ms")
    )
    print(f"{name}: {rate:7.0f} calls/s   CPU a call: client {client:.2f} ms, pod {pod:.2f} ms")


def main() -> None:
    """Start the processes, compare, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--mock", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.mock:
        uvloop.run(serve_mock(options.latency_ms / 1000))
        return
    mock = _python("-m", "tests.bench.model_plane", "--mock", "--latency-ms", str(options.latency_ms))
    assert mock.stdout is not None
    url = f"http://127.0.0.1:{int(mock.stdout.readline())}/v1"
    pod = _python("-m", "graftwork_solvers", OPENAI_BASE_URL=url, GRAFTWORK_SOLVERS_PORT=str(_GRPC_PORT))
    try:
        uvloop.run(compare(url, psutil.Process(pod.pid), options))
    finally:
        for process in (pod, mock):
            process.terminate()
            process.wait()


def _python(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, *arguments],
        env={**os.environ, "GRAFTWORK_LOG_LEVEL": "warning", **environment},
        stdout=subprocess.PIPE,
    )


if __name__ == "__main__":
    main()
