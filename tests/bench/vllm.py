"""What a pod costs in front of its own vLLM: straight HTTP to the engine's socket against client + gRPC + pod.

``python -m tests.bench.vllm [--calls 128] [--concurrency 32] [--tokens 16] [--repeat 3]`` after ``make vllm``.
Both ask the same engine for the same, in turns. Machines differ and are shared: the ratios are the message.
"""

import argparse
import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import psutil

from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.bench.model_plane import Call
from tests.bench.model_plane import Figures
from tests.bench.model_plane import measure
from tests.support.pod_process import PodProcess
from tests.support.pod_process import pod_process
from tests.support.pods import client_at
from tests.support.vllm import SERVED
from tests.support.vllm import START_SECONDS
from tests.support.vllm import engine_environment

_PROMPT = "Write one fact about the number {}."
_POOLS = '{"generator": {"extra_body": {"ignore_eos": true}}}'
_SECONDS = 600.0


@asynccontextmanager
async def straight(socket: str, tokens: int) -> AsyncIterator[Call]:
    """The yardstick: aiohttp on the engine's socket."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket, limit=0)) as session:

        async def call(number: int) -> None:
            body = {**_body(number, tokens), "model": SERVED}
            async with session.post("http://engine/v1/chat/completions", json=body) as response:
                answer = await response.json()
                assert answer["usage"]["completion_tokens"] == tokens

        yield call


def _body(number: int, tokens: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": _PROMPT.format(number)}]
    return {"messages": messages, "max_tokens": tokens, "temperature": 0, "ignore_eos": True}


@asynccontextmanager
async def through_pod(address: str, tokens: int) -> AsyncIterator[Call]:
    """What the platform uses."""
    async with client_at(address, unavailable_attempts=99) as client:

        async def call(number: int) -> None:
            message = Message(role="user", content=_PROMPT.format(number))
            request = GenerateRequest(pool="generator", messages=(message,), temperature=0, max_tokens=tokens)
            answer = await client.generate(request, timeout_seconds=_SECONDS)
            assert answer.usage.completion_tokens == tokens

        yield call


async def compare(pod: PodProcess, socket: str, options: argparse.Namespace) -> None:
    """Measure both in turns, print the medians and what is between them."""
    figures: dict[str, list[Figures]] = {"straight": [], "through the pod": []}
    process = psutil.Process(pod.pid)
    for _ in range(options.repeat):
        async with straight(socket, options.tokens) as call:
            figures["straight"].append(await _measured(call, options, process))
        async with through_pod(pod.grpc_address, options.tokens) as call:
            figures["through the pod"].append(await _measured(call, options, process))
    for name, runs in figures.items():
        client, server = (_median(runs, one) for one in ("client_ms", "pod_ms"))
        rate = _median(runs, "rate")
        print(f"{name:15}: {rate:6.1f} calls/s   CPU a call: client {client:.2f} ms, pod {server:.2f} ms")
    ratios = [pod.rate / own.rate for own, pod in zip(*figures.values(), strict=True)]
    print(
        f"the pod makes {statistics.median(ratios):.2f} of the straight rate ({min(ratios):.2f} to {max(ratios):.2f})"
    )


async def _measured(call: Call, options: argparse.Namespace, pod: psutil.Process) -> Figures:
    return await measure(call, calls=options.calls, concurrency=options.concurrency, pod=pod)


def _median(runs: list[Figures], figure: str) -> float:
    return float(statistics.median(getattr(run, figure) for run in runs))


def main() -> None:
    """Start a pod with its engine, compare, stop them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=128)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with pod_process({**engine_environment(), "GRAFTWORK_SOLVERS_POOLS": _POOLS}) as pod:
        pod.heard("engine.state", state="serving", seconds=START_SECONDS)
        command = pod.heard("engine.launched")["command"]
        asyncio.run(compare(pod, command[command.index("--uds") + 1], options))


if __name__ == "__main__":
    main()
