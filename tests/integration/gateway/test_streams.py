"""Event streams: every version once, in order, resumable, alive, and no burden to others."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx_sse import ServerSentEvent
from httpx_sse import aconnect_sse

from graftwork.contracts.events import SearchAdvanced
from graftwork.contracts.jobs import JobState
from graftwork.kit.bus import event_id
from tests.support.doors import Gateway
from tests.support.eventually import assert_eventually
from tests.support.search_told import advanced
from tests.support.search_told import finished
from tests.support.search_told import node

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def following(gateway: Gateway, job_id: str, after: int | None = None) -> AsyncIterator[AsyncIterator[Any]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with aconnect_sse(gateway.http, "GET", f"/v1/jobs/{job_id}/events", headers=headers) as source:
        yield told(source.aiter_sse())


async def told(messages: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    """Messages with data: the opening and the keep-alives have none."""
    async for message in messages:
        if message.data:
            yield message


async def all_of(gateway: Gateway, job_id: str, after: int | None = None) -> list[ServerSentEvent]:
    async with following(gateway, job_id, after) as events:
        return [event async for event in events]


async def test_a_stream_tells_every_version_and_ends_with_the_job(gateway: Gateway) -> None:
    job = await gateway.submit()
    async with following(gateway, job.id) as events:
        await gateway.send(advanced(job.id, 1, node=node(job.id, 0)))
        first = await anext(events)
        await gateway.send(advanced(job.id, 2))
        await gateway.send(finished(job.id, 3))
        rest = [event async for event in events]
    data = json.loads(first.data)

    assert [(event.id, event.event) for event in [first, *rest]] == [
        ("1", "node.scored"),
        ("2", "node.scored"),
        ("3", "job.finished"),
    ]
    assert (data["version"], data["what"], data["message"]) == (1, "node.scored", "version 1")
    assert data["snapshot"]["version"] == 1
    assert data["node"]["node_id"] == f"{job.id}:node:0"
    assert json.loads(rest[-1].data)["snapshot"]["state"] == "succeeded"


async def test_a_stream_goes_on_behind_the_last_event_seen(gateway: Gateway) -> None:
    job = await gateway.submit()
    for version in (1, 2, 3):
        await gateway.send(advanced(job.id, version))
    await gateway.send(finished(job.id, 4))
    events = await all_of(gateway, job.id, after=2)

    assert [event.id for event in events] == ["3", "4"]


async def test_a_stream_that_was_seen_to_its_end_need_not_be_opened_again(gateway: Gateway) -> None:
    job = await gateway.submit()
    await gateway.send(finished(job.id, 1))
    await gateway.until(job.id, JobState.SUCCEEDED)
    answer = await gateway.http.get(job.links["events"], headers={"Last-Event-ID": "1"})

    assert answer.status_code == 204


async def test_versions_that_arrive_out_of_order_are_told_in_order(gateway: Gateway) -> None:
    job = await gateway.submit()
    async with following(gateway, job.id) as events:
        await gateway.send(advanced(job.id, 2))
        await gateway.send(finished(job.id, 4))
        await gateway.admitted(job.id, 2)
        await gateway.send(advanced(job.id, 3))
        await gateway.send(advanced(job.id, 1))
        told_ids = [event.id async for event in events]

    assert told_ids == ["1", "2", "3", "4"]


async def test_an_event_told_twice_is_streamed_once(gateway: Gateway) -> None:
    job = await gateway.submit()
    for source in ("/tests", "/tests", "/elsewhere"):
        await gateway.send(advanced(job.id, 1), source=source)
    await gateway.send(finished(job.id, 2))
    events = await all_of(gateway, job.id)

    assert event_id(advanced(job.id, 1)) == f"search.advanced:{job.id}:1"
    assert [event.id for event in events] == ["1", "2"]


async def test_several_clients_follow_one_job(gateway: Gateway) -> None:
    job = await gateway.submit()
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(all_of(gateway, job.id)) for _ in range(5)]
        await watched(gateway, job.id)
        for version in (1, 2):
            await gateway.send(advanced(job.id, version))
        await gateway.send(finished(job.id, 3))

    assert [[event.id for event in client.result()] for client in clients] == [["1", "2", "3"]] * 5


async def test_a_silent_stream_is_kept_alive(gateway: Gateway) -> None:
    job = await gateway.submit()
    seen: list[str] = []
    async with gateway.http.stream("GET", job.links["events"]) as answer:
        async for line in answer.aiter_lines():
            seen.append(line)
            if seen.count(": keep-alive") == 2:
                break

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "retry: 2000" in seen


async def test_a_client_that_went_away_is_forgotten(gateway: Gateway) -> None:
    job = await gateway.submit()
    async with gateway.http.stream("GET", job.links["events"]):
        await watched(gateway, job.id)

    async def forgotten() -> None:
        assert job.id not in gateway.door.watchers.jobs

    await assert_eventually(forgotten)


async def test_a_client_that_reads_slowly_misses_nothing(gateway: Gateway) -> None:
    job = await gateway.submit()
    long = "x" * 200_000  # far more than all socket buffers hold
    count = 40
    for version in range(1, count + 1):
        await gateway.send(with_message(advanced(job.id, version), long))
    await gateway.send(finished(job.id, count + 1))
    await gateway.admitted(job.id, count + 1)
    async with following(gateway, job.id) as events:
        first = await anext(events)
        meanwhile = await gateway.http.get(job.links["self"])
        ids = [first.id, *[event.id async for event in events]]

    assert meanwhile.status_code == 200
    assert ids == [str(version) for version in range(1, count + 2)]


@pytest.mark.parametrize("value", ["-1", "abc", "1.5", "9" * 30])
async def test_a_last_event_id_that_is_none_of_ours_is_refused(gateway: Gateway, value: str) -> None:
    job = await gateway.submit()
    answer = await gateway.http.get(job.links["events"], headers={"Last-Event-ID": value})

    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["header.Last-Event-ID"]


def with_message(event: SearchAdvanced, message: str) -> SearchAdvanced:
    return event.model_copy(update={"message": message})


async def watched(gateway: Gateway, job_id: str) -> None:
    async def seen() -> None:
        assert job_id in gateway.door.watchers.jobs

    await assert_eventually(seen)
