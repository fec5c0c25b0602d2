"""A pod in front of an endpoint that takes less than the pod was told."""

import asyncio
from collections import deque
from typing import Any

from aiohttp import web
from prometheus_client import REGISTRY

from tests.integration.solvers.test_pod import asking
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

CAP = 8
CALLS = 300
CALLERS = 30


def told(metric: str) -> float:
    value = REGISTRY.get_sample_value(f"graftwork_solver_{metric}")
    assert value is not None
    return value


class Capped:
    """Takes ``CAP`` chats at once and refuses the others.

    It answers one only when the pod has sent all that it may, so that how fast this machine is makes
    no difference to how many are refused.
    """

    def __init__(self) -> None:
        self.refused = 0
        self._inside: deque[asyncio.Event] = deque()

    async def chat(self, _body: dict[str, Any]) -> web.Response:
        if len(self._inside) >= CAP:
            self.refused += 1
            return error_answer(429, "too many requests", {"retry-after-ms": "5"})
        answered = asyncio.Event()
        self._inside.append(answered)
        await answered.wait()
        return chat_answer("at last")

    def full(self) -> None:
        assert self._inside
        assert len(self._inside) >= told("in_flight")
        assert told("in_flight") >= told("limit") or told("waiting") == 0

    async def serve(self) -> None:
        while True:
            await assert_eventually(self.full, timeout_seconds=60, interval_seconds=0.001)
            self._inside.popleft().set()


async def test_a_hidden_cap_is_found_and_no_call_is_lost() -> None:
    capped, numbers = Capped(), iter(range(CALLS))
    answers: list[str] = []
    async with (
        running_endpoint(capped.chat) as endpoint,
        running_pod(pod_settings(endpoint.url)) as pod,
        client_of(pod) as client,
    ):

        async def caller() -> None:
            for _ in numbers:
                generation = await client.generate(asking(), timeout_seconds=60)
                answers.extend(generation.texts)

        serving = asyncio.ensure_future(capped.serve())
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        serving.cancel()
        limit = told("limit")

    assert answers == ["at last"] * CALLS
    assert len(endpoint.bodies) == CALLS + capped.refused
    assert 0 < capped.refused <= 0.1 * len(endpoint.bodies)
    assert CAP / 2 <= limit <= CAP + 1
