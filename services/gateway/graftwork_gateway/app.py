"""The application: routes, errors, middleware."""

from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp
from starlette.types import Receive
from starlette.types import Scope
from starlette.types import Send
from typing_extensions import override

from graftwork.kit.http import health_routes
from graftwork_gateway import __version__
from graftwork_gateway import openapi
from graftwork_gateway import problems
from graftwork_gateway.door import Door
from graftwork_gateway.middleware import guarded
from graftwork_gateway.routes import admin
from graftwork_gateway.routes import afterwards
from graftwork_gateway.routes import datasets
from graftwork_gateway.routes import jobs
from graftwork_gateway.routes import plans
from graftwork_gateway.routes import pools
from graftwork_gateway.routes import progress
from graftwork_gateway.routes import reviews
from graftwork_gateway.routes import webhooks
from graftwork_gateway.server_spans import set_caller_apart
from graftwork_gateway.server_spans import telemetry_of


class Gateway(FastAPI):
    """The API behind its bounds. No pages that load scripts from elsewhere."""

    @override
    def build_middleware_stack(self) -> ASGIApp:
        door: Door = self.state.door
        return guarded(super().build_middleware_stack(), door.settings)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        set_caller_apart(scope)
        await super().__call__(scope, receive, send)


def create_app(door: Door, tracers: TracerProvider | None = None) -> Gateway:
    """The gateway's application. ``tracers``: where its spans go; None: where the process exports them."""
    app = bare_app(tracers)
    app.state.door = door
    app.router.routes.extend(health_routes(door.readiness))
    problems.install(app)
    return app


def bare_app(tracers: TracerProvider | None = None) -> Gateway:
    """The routes and their document, without anything behind them."""
    app = Gateway(
        title=openapi.TITLE,
        description=openapi.DESCRIPTION,
        version=__version__,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
        telemetry=telemetry_of(tracers),
    )
    for part in (jobs, plans, afterwards, progress, reviews, datasets, webhooks, pools, admin):
        app.include_router(part.router)
    app.openapi = openapi.document_of(app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return app
