"""The OpenAPI document."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork_gateway.examples import EXAMPLES

_COME_BACK = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
TITLE = "Graftwork"
DESCRIPTION = """\
Turns a one-paragraph task description into a training dataset.

Submit a job, follow its events, look at the tree it grows, download the dataset. Every request carries an
API key; every error is a problem document (RFC 9457) whose `type` is stable. Where a tenant's requests are limited,
every answer tells the limit and what is left of it (`RateLimit-Policy`, `RateLimit`).
"""
TAGS = [
    {"name": "jobs", "description": "Submit, list and cancel jobs."},
    {"name": "progress", "description": "What a job is doing: events, the tree, one node in full."},
    {"name": "reviews", "description": "A person looks at the first workflow and its samples, where the job wants it."},
    {"name": "datasets", "description": "Published datasets."},
    {"name": "webhooks", "description": "Who is told when a job ends or a review opens."},
    {"name": "pools", "description": "The models that jobs can use."},
    {"name": "admin", "description": "Keys and limits of tenants; needs an admin key."},
]


def document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The app's own document, with media types as they are, and examples; a second run changes nothing."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for path in document["paths"].values():
            for operation in path.values():
                for status, response in operation["responses"].items():
                    _correct(int(status), response)
        for name, schema in document["components"]["schemas"].items():
            if name in EXAMPLES:
                schema["examples"] = [EXAMPLES[name]]
        return document

    return openapi


def operation_id(route: APIRoute) -> str:
    """Name of an operation in generated clients."""
    return route.name


def _correct(status: int, response: dict[str, Any]) -> None:
    """FastAPI gives every model the media type of the route, and takes a stream for a string."""
    content = response.get("content", {})
    if status >= HTTPStatus.BAD_REQUEST:
        (media,) = content.values()
        response["content"] = {PROBLEM_MEDIA_TYPE: media}
    if status in _COME_BACK:
        response["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}}
    for media in content.values():
        if "$ref" in media["schema"]:
            media["schema"].pop("type", None)
