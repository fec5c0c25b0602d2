"""The application: routes, errors, middleware."""

from fastapi import FastAPI

from graftwork.kit.http import health_routes
from graftwork_gateway import __version__
from graftwork_gateway import openapi
from graftwork_gateway import problems
from graftwork_gateway.door import Door
from graftwork_gateway.middleware import Answers
from graftwork_gateway.middleware import BodyLimit
from graftwork_gateway.routes import datasets
from graftwork_gateway.routes import jobs
from graftwork_gateway.routes import pools
from graftwork_gateway.routes import progress


def create_app(door: Door) -> FastAPI:
    """The gateway's application. No CORS, and no pages that load scripts from elsewhere."""
    app = FastAPI(
        title=openapi.TITLE,
        description=openapi.DESCRIPTION,
        version=__version__,
        openapi_tags=openapi.TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.door = door
    for part in (jobs, progress, datasets, pools):
        app.include_router(part.router)
    app.router.routes.extend(health_routes(door.readiness))
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=door.settings.max_body_bytes)
    app.add_middleware(Answers)
    app.openapi = openapi.document_of(app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return app
