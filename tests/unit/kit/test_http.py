"""Health, readiness and metrics over real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response
from starlette.routing import Route

from graftwork.kit.errors import PortTaken
from graftwork.kit.http import HttpServer
from graftwork.kit.http import OpensLater
from graftwork.kit.http import Readiness
from graftwork.kit.http import health_app
from graftwork.kit.http import health_routes


@asynccontextmanager
async def served(readiness: Readiness) -> AsyncIterator[httpx.AsyncClient]:
    server = HttpServer(health_app(readiness), "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            yield client
        server.stop()


async def fine() -> None:
    return


async def broken() -> None:
    raise ConnectionError("nobody there")


async def hanging() -> None:
    await asyncio.Event().wait()


async def test_a_service_whose_dependencies_answer_is_ready() -> None:
    readiness = Readiness()
    readiness.watch("mongo", fine)

    async with served(readiness) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": {}})


async def test_what_does_not_answer_is_named_and_what_does_is_not() -> None:
    readiness = Readiness()
    for name, ping in {"mongo": fine, "kafka": broken, "blobs": hanging}.items():
        readiness.watch(name, ping)

    async with served(readiness) as client:
        answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "problems": {"kafka": "ConnectionError: nobody there", "blobs": "TimeoutError: "},
    }


async def test_a_draining_service_is_alive_but_not_ready() -> None:
    readiness = Readiness()
    readiness.watch("mongo", fine)
    readiness.draining = True

    async with served(readiness) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")

    assert (ready.status_code, ready.json()["problems"]) == (503, {"service": "draining"})
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


async def test_what_a_service_is_made_of_is_told_beside_its_health() -> None:
    async with served(Readiness(walls=("monty", "bubblewrap"))) as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")

    assert ready.json() == {"ready": True, "problems": {}, "walls": ["monty", "bubblewrap"]}
    assert alive.json() == {"status": "ok", "walls": ["monty", "bubblewrap"]}


async def test_a_failing_dependency_does_not_make_the_service_dead() -> None:
    readiness = Readiness()
    readiness.watch("mongo", broken)

    async with served(readiness) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_a_port_in_use_is_known_before_anything_is_served() -> None:
    with (
        HttpServer(health_app(Readiness()), "127.0.0.1", 0) as first,
        pytest.raises(PortTaken, match=f"port {first.port} on 127.0.0.1 is taken"),
    ):
        HttpServer(health_app(Readiness()), "127.0.0.1", first.port)


def test_an_address_that_is_not_ours_is_no_taken_port() -> None:
    with pytest.raises(OSError, match="assign requested address"):
        HttpServer(health_app(Readiness()), "203.0.113.1", 0)


async def test_a_server_that_stopped_frees_its_port() -> None:
    readiness = Readiness()
    async with served(readiness) as client:
        port = client.base_url.port
        await client.get("/healthz")

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port or 0)) != 0


def test_answers_are_sent_at_once() -> None:
    """The event loop turns Nagle's algorithm off for sockets that name their protocol, and for no others."""
    with HttpServer(health_app(Readiness()), "127.0.0.1", 0) as server:
        assert server._socket.proto == socket.IPPROTO_TCP


async def test_an_application_that_opens_later_answers_only_about_its_health_until_then() -> None:
    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    readiness = Readiness()
    readiness.preparing = True
    app = OpensLater(Starlette(routes=[Route("/", hello), *health_routes(readiness)]), readiness)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        closed = [await client.get("/"), await client.post("/v1/jobs"), await client.get("/healthz")]
        unready = await client.get("/readyz")
        app.open()
        readiness.preparing = False
        opened = [await client.get("/"), await client.get("/readyz")]

    assert [answer.status_code for answer in closed] == [503, 503, 200]
    assert closed[0].headers["Retry-After"] == "1"
    assert (unready.status_code, unready.json()["problems"]) == (503, {"service": "preparing"})
    assert [answer.status_code for answer in opened] == [200, 200]
