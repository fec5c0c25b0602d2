"""How every route of the API begins: the key is checked before any of the body is read."""

from collections.abc import Callable
from collections.abc import Coroutine
from email.message import Message
from typing import Any

from fastapi import APIRouter
from fastapi import Request
from fastapi import Response
from fastapi import Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from fastapi.security import HTTPBearer
from pydantic_core import from_json
from starlette.status import HTTP_204_NO_CONTENT
from typing_extensions import override

from graftwork.contracts.rest import Problem
from graftwork_gateway.door import Door
from graftwork_gateway.errors import AdminsOnly
from graftwork_gateway.errors import MalformedBody
from graftwork_gateway.errors import MediaTypeRefused
from graftwork_gateway.keys import caller_of
from graftwork_gateway.quotas import count_request
from graftwork_gateway.server_spans import tell_request
from graftwork_gateway.views import API

RouteHandler = Callable[[Request], Coroutine[Any, Any, Response]]
_ANY_ROUTE = (401, 413, 414, 422, 429, 431, 500, 503)
_BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="API key: `gw_...`")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, scheme_name="header", description="The same key")


class JsonRequest(Request):
    """A request whose body has been read as strict JSON: no NaN, no lone surrogates, bounded depth."""

    _value: Any = None

    async def load(self) -> None:
        """Read the body. Raises ``MalformedBody`` and ``MediaTypeRefused``."""
        body = await self.body()
        if not body:
            return  # FastAPI tells that it is missing
        if not _is_json(self.headers.get("content-type", "")):
            raise MediaTypeRefused("send the job as JSON, with Content-Type: application/json")
        try:
            self._value = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise MalformedBody(f"the body is not JSON: {error}") from error

    @override
    async def json(self) -> Any:
        return self._value


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    return message.get_content_type() == "application/json"


class DoorRoute(APIRoute):
    """Checks the key, counts the request, then reads the body, then validates it."""

    for_admins = False

    @override
    def get_route_handler(self) -> RouteHandler:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def checked(request: Request) -> Response:
            door: Door = request.app.state.door
            await _admit(request, door, for_admins=self.for_admins)
            if not takes_body:
                return await handle(request)
            json_request = JsonRequest(request.scope, request.receive)
            await json_request.load()
            return await handle(json_request)

        return checked


class AdminRoute(DoorRoute):
    """The same, for keys of admins only."""

    for_admins = True


async def _admit(request: Request, door: Door, *, for_admins: bool) -> None:
    """Raises ``KeyRefused``, ``RateLimited`` and ``AdminsOnly``."""
    tell_request(request)
    caller = await caller_of(door.ledger.read, request.headers)
    allowance = await count_request(door.ledger, caller.tenant, door.settings.tenant_limits)
    request.state.caller, request.state.allowance = caller, allowance
    request.state.headers = allowance.headers
    allowance.check()
    if for_admins and not caller.admin:
        raise AdminsOnly("this API key manages neither keys nor tenants")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's ``responses`` for these errors, beside those that every route can give."""
    return {status: {"model": Problem} for status in statuses}


def api_router(tag: str) -> APIRouter:
    """Router of one part of the API."""
    return _router(tag, DoorRoute, problems(*_ANY_ROUTE))


def admin_router(tag: str) -> APIRouter:
    """Router of a part that only admins may use."""
    return _router(tag, AdminRoute, problems(*_ANY_ROUTE, 403))


def _router(tag: str, route_class: type[APIRoute], responses: dict[int | str, dict[str, Any]]) -> APIRouter:
    return APIRouter(
        prefix=API,
        tags=[tag],
        route_class=route_class,
        dependencies=[Security(_BEARER), Security(_HEADER)],
        responses=responses,
    )


def nothing_more() -> Response:
    """Tells an event source that it need not come back."""
    return Response(status_code=HTTP_204_NO_CONTENT)
