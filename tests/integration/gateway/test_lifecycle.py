"""The gateway's own life: its first key, several replicas, a quick and polite end."""

import asyncio

import httpx
from httpx_sse import aconnect_sse
from pydantic import SecretStr

from graftwork.kit.service import Service
from graftwork.kit.service import run
from graftwork.local.ports import free_ports
from graftwork_gateway.bootstrap import build
from graftwork_gateway.bootstrap import open_door
from graftwork_gateway.bootstrap import wire
from graftwork_gateway.documents import JOBS
from graftwork_gateway.documents import JobRow
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import remember_key
from graftwork_gateway.settings import GatewaySettings
from tests.support.doors import SPEC
from tests.support.doors import a_plane
from tests.support.doors import open_gateway
from tests.support.eventually import assert_eventually
from tests.support.in_process import bus_of
from tests.support.in_process import running
from tests.support.search_told import BLOB
from tests.support.search_told import NOON
from tests.support.search_told import advanced
from tests.support.search_told import finished

KEY = new_key()
LOGIN = {"Authorization": f"Bearer {KEY}"}


async def test_the_first_key_opens_the_door_of_the_default_tenant(settings: GatewaySettings) -> None:
    with_key = settings.model_copy(update={"gateway_first_key": SecretStr(KEY)})
    for _ in range(2):  # a restart changes nothing
        service = await build(with_key)
        async with running(service), httpx.AsyncClient(base_url=address_of(settings)) as client:
            answer = await client.get("/v1/jobs", headers=LOGIN)
            rows = await service.ledger.read.find("keys", {})

        assert answer.status_code == 200
        assert [row["tenant"] for row in rows] == ["default"]


async def test_an_open_stream_does_not_hold_up_the_end(settings: GatewaySettings) -> None:
    patient = settings.model_copy(update={"keep_alive_seconds": 3600.0})
    service = await build(patient.model_copy(update={"gateway_first_key": SecretStr(KEY)}))
    stop, started = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group, httpx.AsyncClient(base_url=address_of(settings), headers=LOGIN) as http:
        serving = group.create_task(run(service, stop, started))
        await started.wait()
        job_id = await store_a_job(service)
        async with http.stream("GET", f"/v1/jobs/{job_id}/events") as stream:
            lines = stream.aiter_lines()
            opening = await anext(lines)
            stop.set()
            rest = [line async for line in lines]
            await serving

    # Its next keep-alive is an hour away: had the end waited for it, the stream would have been cut, and raised.
    assert opening == ": graftwork"
    assert not [line for line in rest if line.startswith("data")]


async def test_a_request_under_way_is_answered_before_the_end(settings: GatewaySettings) -> None:
    door = open_door(settings, a_plane())
    await remember_key(door.ledger, KEY, "default", admin=True)
    stop, started = asyncio.Event(), asyncio.Event()
    body = b'{"open_jobs": 3}'
    head = f"PUT /v1/admin/tenants/team HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    async def under_way() -> None:
        assert await door.ledger.read.count("tenants", {"_id": "default"}) == 1  # counted, and waiting for its body

    async def leaving() -> None:
        assert door.watchers.closed  # the HTTP server was told to stop just before

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(run(wire(door), stop, started))
        await started.wait()
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.http_port)
        writer.write((head + more).encode() + body[:5])
        await assert_eventually(under_way)
        stop.set()
        await assert_eventually(leaving)
        writer.write(body[5:])
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        await serving

    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"open_jobs":3' in answer


async def test_a_stream_goes_on_at_a_gateway_that_was_started_again(settings: GatewaySettings) -> None:
    with_key = settings.model_copy(update={"gateway_first_key": SecretStr(KEY)})
    heard: list[str] = []
    job_id = ""
    for version in (1, 2, 3):
        service = await build(with_key)
        async with bus_of(settings) as bus, running(service):
            job_id = job_id or await store_a_job(service)
            await bus.send(finished(job_id, 3) if version == 3 else advanced(job_id, version))
            headers = {**LOGIN, "Last-Event-ID": heard[-1] if heard else "0"}
            async with (
                httpx.AsyncClient(base_url=address_of(settings), timeout=30) as http,
                aconnect_sse(http, "GET", f"/v1/jobs/{job_id}/events", headers=headers) as source,
            ):
                async for event in source.aiter_sse():
                    if event.data:
                        heard.append(event.id)
                        break

    assert heard == ["1", "2", "3"]


async def test_a_stream_hears_what_another_replica_admitted(settings: GatewaySettings) -> None:
    [port] = free_ports(1)
    silent = settings.model_copy(update={"keep_alive_seconds": 3600.0, "stream_poll_seconds": 0.05})
    async with open_gateway(silent) as first, open_gateway(silent.model_copy(update={"http_port": port})) as second:
        jobs = [(await first.submit()).id for _ in range(4)]
        doors = [first.http.base_url, second.http.base_url] * 2
        async with asyncio.TaskGroup() as group:
            streams = [
                group.create_task(versions(door, first.http.headers, job))
                for door, job in zip(doors, jobs, strict=True)
            ]
            for job in jobs:
                await first.send(advanced(job, 1))
                await first.send(finished(job, 2))

    assert [stream.result() for stream in streams] == [["1", "2"]] * 4


def address_of(settings: GatewaySettings) -> str:
    return f"http://127.0.0.1:{settings.http_port}"


async def store_a_job(service: Service) -> str:
    """A job of the default tenant, written as the gateway does, without asking any pool."""
    job = {**SPEC, "id": "job-1", "tenant": "default", "spec": BLOB, "created_at": NOON, "strategy": "autosynth"}
    row = JobRow.model_validate(job)
    await service.ledger.transaction(lambda tx: tx.insert(JOBS, {"_id": row.id, **row.submission()}))
    return row.id


async def versions(door: httpx.URL, headers: httpx.Headers, job_id: str) -> list[str]:
    """Ids of all events of a job, as one client hears them to the end."""
    async with (
        httpx.AsyncClient(base_url=door, headers=headers, timeout=30) as http,
        aconnect_sse(http, "GET", f"/v1/jobs/{job_id}/events") as source,
    ):
        return [event.id async for event in source.aiter_sse() if event.data]
