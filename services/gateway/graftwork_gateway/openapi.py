"""The OpenAPI document."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE

TITLE = "Graftwork"
DESCRIPTION = """\
Turns a one-paragraph task description into a training dataset.

Submit a job, follow its events, look at the tree it grows, download the dataset. Every request carries an
API key; every error is a problem document (RFC 9457) whose `type` is stable.
"""
TAGS = [
    {"name": "jobs", "description": "Submit, list and cancel jobs."},
    {"name": "progress", "description": "What a job is doing: events, the tree, one node in full."},
    {"name": "datasets", "description": "Published datasets."},
    {"name": "pools", "description": "The models that jobs can use."},
]
_FIRST_ERROR = 400


def document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """The app's own document, with its errors declared as problem documents."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        for path in document["paths"].values():
            for operation in path.values():
                _declare_problems(operation["responses"])
        return document

    return openapi


def _declare_problems(responses: dict[str, Any]) -> None:
    """FastAPI gives every model the media type of the route; a second run changes nothing."""
    for status, response in responses.items():
        if int(status) >= _FIRST_ERROR:
            (schema,) = response["content"].values()
            response["content"] = {PROBLEM_MEDIA_TYPE: schema}
