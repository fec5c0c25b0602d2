"""Bounds and headers, around an application that answers everything with 200."""

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send

from graftwork_gateway import problems
from graftwork_gateway.app import bare_app
from graftwork_gateway.middleware import SECURITY_HEADERS
from graftwork_gateway.middleware import guarded
from graftwork_gateway.settings import GatewaySettings

ORIGIN = "https://app.example.org"
BOUNDS = {"max_address_bytes": 256, "max_header_bytes": 1024, "max_body_bytes": 1024}


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    request.state.headers = {"RateLimit": "told"}
    body = await request.body()
    await Response(f"{len(body)} bytes")(scope, receive, send)


def client(**more: object) -> httpx.AsyncClient:
    settings = GatewaySettings.model_validate({**BOUNDS, **more})
    transport = httpx.ASGITransport(guarded(application, settings))
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers={"User-Agent": "t"})


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/" + "x" * 255, {}, 200, None),
        ("/" + "x" * 256, {}, 414, "address_too_long"),
        ("/?q=" + "x" * 256, {}, 414, "address_too_long"),
        ("/", {"X-Long": "x" * 800}, 200, None),
        ("/", {"X-Long": "x" * 1024}, 431, "headers_too_large"),
        ("/", {f"X-{number}": "x" * 20 for number in range(50)}, 431, "headers_too_large"),
    ],
)
async def test_addresses_and_headers_have_bounds(
    path: str, headers: dict[str, str], status: int, code: str | None
) -> None:
    async with client() as http:
        answer = await http.get(path, headers=headers)

    assert answer.status_code == status
    if code is not None:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:graftwork:problem:{code}"
        assert len(answer.json()["instance"]) <= 256


@pytest.mark.parametrize(("length", "status"), [(1024, 200), (1025, 413)])
async def test_a_body_has_a_bound(length: int, status: int) -> None:
    async with client() as http:
        answer = await http.post("/", content=b"x" * length)

    assert answer.status_code == status


async def test_every_answer_carries_the_headers_refusals_too() -> None:
    async with client() as http:
        answers = [await http.get("/"), await http.get("/" + "x" * 256)]

    assert [answer.status_code for answer in answers] == [200, 414]
    assert all(answer.headers[name] == value for answer in answers for name, value in SECURITY_HEADERS.items())
    assert answers[0].headers["ratelimit"] == "told"


async def test_a_crash_carries_the_headers_too() -> None:
    class Door:
        settings = GatewaySettings()

    async def crash(_request: Request) -> Response:
        raise ZeroDivisionError

    app = bare_app()
    app.state.door = Door
    app.add_route("/crash", crash)
    problems.install(app)
    transport = httpx.ASGITransport(app)  # raises what a server would get to see
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        answer = await http.get("/crash")

    assert (answer.status_code, answer.json()["type"]) == (500, "urn:graftwork:problem:internal")
    assert all(answer.headers[name] == value for name, value in SECURITY_HEADERS.items())


async def test_no_other_origin_is_let_in_by_default() -> None:
    async with client() as http:
        answer = await http.get("/", headers={"Origin": ORIGIN})

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_origins_that_are_named_may_call_with_our_headers_and_read_ours() -> None:
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}
    wanted = {"Access-Control-Request-Headers": "authorization,idempotency-key,last-event-id"}
    async with client(cors_origins=[ORIGIN]) as http:
        asked = await http.options("/v1/jobs", headers={**preflight, **wanted})
        answer = await http.get("/", headers={"Origin": ORIGIN})
        stranger = await http.get("/", headers={"Origin": "https://elsewhere.example.org"})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "RateLimit" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in stranger.headers


async def test_an_answer_that_breaks_off_is_cut() -> None:
    async def breaking(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    transport = httpx.ASGITransport(guarded(breaking, GatewaySettings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        with pytest.raises(ZeroDivisionError):
            await http.get("/")


@pytest.mark.parametrize("origin", ["app.example.org", "https://app.example.org/", "https://app.example.org/path"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="cors_origins"):
        GatewaySettings.model_validate({"cors_origins": [origin]})


def test_a_limit_can_be_lifted_by_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFTWORK_TENANT_OPEN_JOBS", "none")

    assert GatewaySettings().tenant_limits.open_jobs is None
