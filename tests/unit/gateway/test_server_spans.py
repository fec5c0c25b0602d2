"""Which requests have a span, what it tells, and whose trace it is in."""

from types import SimpleNamespace

import httpx
import pytest
from fastapi import Request
from opentelemetry.trace import SpanKind
from opentelemetry.trace import StatusCode

from graftwork.kit.tracing import current_traceparent
from graftwork_gateway.app import Gateway
from graftwork_gateway.app import bare_app
from graftwork_gateway.server_spans import tell_request
from graftwork_gateway.settings import GatewaySettings
from tests.support.spans import Recorded
from tests.support.spans import attributes
from tests.support.spans import parent_of
from tests.support.spans import traceparent_of

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def gateway(recorded: Recorded) -> Gateway:
    """With a few routes more."""
    app = bare_app(recorded.tracers)
    app.state.door = SimpleNamespace(settings=GatewaySettings())

    @app.get("/about/{job_id}")
    async def about(request: Request) -> str | None:
        tell_request(request)
        return current_traceparent()

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("the secret of the error")

    @app.get("/{job_id}/events")
    @app.get("/readyz")
    async def unseen() -> str | None:
        return current_traceparent()

    return app


async def answered(recorded: Recorded, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(gateway(recorded), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        return await http.get(path, headers=headers)


async def test_a_request_is_a_server_span_named_by_its_route_and_what_it_sets_off_belongs_to_it() -> None:
    recorded = Recorded()

    answer = await answered(recorded, "/about/j-7")

    assert (recorded.span.name, recorded.span.kind) == ("GET /about/{job_id}", SpanKind.SERVER)
    assert answer.json() == traceparent_of(recorded.span)
    told = attributes(recorded.span)
    assert (told["http.route"], told["http.response.status_code"]) == ("/about/{job_id}", 200)
    assert told["graftwork.job_id"] == "j-7"
    assert recorded.span.status.status_code is StatusCode.UNSET


async def test_a_caller_s_trace_is_linked_and_not_joined() -> None:
    recorded = Recorded()

    await answered(recorded, "/about/j-7", traceparent=CALLER, baggage="k=v", tracestate="k=v")

    assert parent_of(recorded.span) is None
    [linked] = recorded.span.links
    assert f"{linked.context.trace_id:032x}" == CALLER.split("-")[1]
    assert traceparent_of(recorded.span).split("-")[1] != CALLER.split("-")[1]


async def test_a_crash_is_told_by_its_kind() -> None:
    recorded = Recorded()

    await answered(recorded, "/broken")

    assert attributes(recorded.span)["error.type"] == "ZeroDivisionError"
    assert recorded.span.status.status_code is StatusCode.ERROR
    assert "secret" not in recorded.everything


async def test_an_address_that_leads_nowhere_is_told_by_its_method() -> None:
    recorded = Recorded()

    await answered(recorded, "/nowhere/at/all")

    assert recorded.span.name == "GET"
    assert attributes(recorded.span)["http.response.status_code"] == 404


@pytest.mark.parametrize("path", ["/readyz", "/j-7/events"])
async def test_probes_and_streams_have_no_span(path: str) -> None:
    recorded = Recorded()

    answer = await answered(recorded, path)

    assert (answer.status_code, answer.json()) == (200, None)
    assert recorded.spans == ()
