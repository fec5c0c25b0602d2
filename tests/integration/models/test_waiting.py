"""What a full endpoint asks callers to wait, from its headers to the moment in which each of them comes back."""

import asyncio
import random
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import grpc
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod
from tests.support.raw import message
from tests.support.raw import refused

REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),))
CALLERS = 30


class Crowded:
    """Refuses as many calls as ``refusals``, and answers the others."""

    def __init__(self, refusals: int, **headers: str) -> None:
        self.refusals = refusals
        self.headers = headers

    async def chat(self, _body: dict[str, Any]) -> web.Response:
        self.refusals -= 1
        return chat_answer("hello") if self.refusals < 0 else error_answer(429, "slow down", dict(self.headers))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "86400"}, 3600),
        ({"retry-after": format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True)}, 3600),
        ({"retry-after": format_datetime(datetime.now(UTC) - timedelta(days=2), usegmt=True)}, 0),
        ({}, None),
    ],
    ids=["seconds", "parts of one", "milliseconds", "a day", "a date", "a date that has passed", "nothing"],
)
async def test_the_wait_reaches_any_grpc_client_and_is_an_hour_at_most(
    headers: dict[str, str], seconds: float | None
) -> None:
    chat = Crowded(1, **headers).chat
    async with running_endpoint(chat) as endpoint, running_pod(pod_settings(endpoint.url)) as pod:
        status = await refused(pod, message())

    assert (status.code, status.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "overloaded")
    assert status.wait_seconds == seconds


async def test_callers_who_are_told_the_same_come_back_later_than_that_and_apart() -> None:
    async with running_endpoint(Crowded(CALLERS, **{"retry-after-ms": "40"}).chat) as endpoint:
        settings = pod_settings(endpoint.url, solvers_first_concurrency=CALLERS)
        async with (
            running_pod(settings) as pod,
            client_of(pod, backoff_seconds=0.2, jitter=random.Random(5)) as client,  # noqa: S311 - a test that repeats
        ):
            with capture_logs() as logs:
                calls = (client.generate(REQUEST, timeout_seconds=20) for _ in range(CALLERS))
                answers = await asyncio.gather(*calls)

    waits = [entry["wait_seconds"] for entry in logs if entry["event"] == "pool.asked_again"]
    assert [answer.texts for answer in answers] == [("hello",)] * CALLERS
    assert len(waits) == CALLERS
    assert min(waits) >= 0.04
    assert len(set(waits)) > CALLERS / 2
