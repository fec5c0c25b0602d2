"""The REST API as a page, from its OpenAPI document."""

from collections.abc import Iterator
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from publishing.schemas import described
from publishing.schemas import type_of
from publishing.text import folded
from publishing.text import link
from publishing.text import page
from publishing.text import table

_INTRODUCTION = """
Made by `scripts/contracts.py` from [openapi.json](openapi.json), which a running gateway serves at `/openapi.json`.
"""
_REFUSALS = """
A refusal's body is a [Problem](#problem), sent as `application/problem+json`.
"""
Json = Mapping[str, Any]


def rest_page(document: Json) -> str:
    """The whole page, operations by tag."""
    operations = list(_operations(document))
    schemas = document["components"]["schemas"]
    parts = (part for tag in document["tags"] for part in _tagged(tag, operations))
    return page(
        "# REST API",
        _INTRODUCTION,
        document["info"]["description"],
        _REFUSALS,
        "## Keys",
        table(("scheme", "sent as", "meaning"), _keys(document)),
        "## All operations",
        table(("operation", "", "tag"), (_overview(each) for each in operations)),
        *parts,
        "## Types",
        *(part for name in sorted(schemas) for part in _type(name, schemas[name])),
    )


def _operations(document: Json) -> Iterator[Json]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {"call": f"{method.upper()} {path}", **operation}


def _keys(document: Json) -> Iterator[tuple[str, ...]]:
    for name, scheme in document["components"]["securitySchemes"].items():
        sent = f"`{scheme['name']}: ...`" if scheme["type"] == "apiKey" else "`Authorization: Bearer ...`"
        yield name, sent, scheme["description"]


def _overview(operation: Json) -> tuple[str, ...]:
    return f"`{operation['call']}`", link(operation["summary"]), ", ".join(operation["tags"])


def _tagged(tag: Json, operations: list[Json]) -> Iterator[str]:
    yield f"## {tag['name'].capitalize()}"
    yield tag["description"]
    for operation in operations:
        if tag["name"] in operation["tags"]:
            yield from _section(operation)


def _section(operation: Json) -> Iterator[str]:
    yield f"### {operation['summary']}"
    yield f"`{operation['call']}`"
    yield operation.get("description", "")
    yield table(("parameter", "in", "type", "meaning"), map(_parameter, operation.get("parameters", ())))
    if body := operation.get("requestBody"):
        yield f"Body: {_content(body)}{'' if body.get('required') else ', or none'}"
    answers = operation["responses"].items()
    yield table(("answer", "body", "headers"), (_answer(*each) for each in answers if not _is_refusal(*each)))
    yield f"Refusals: {', '.join(_refusal(*each) for each in answers if _is_refusal(*each))}."


def _parameter(parameter: Json) -> tuple[str, ...]:
    schema = parameter["schema"]
    kind = type_of(schema) + (f", default `{schema['default']}`" if "default" in schema else "")
    where = parameter["in"] + (", required" if parameter.get("required") else "")
    return f"`{parameter['name']}`", where, kind, parameter.get("description", "")


def _is_refusal(status: str, _response: Json) -> bool:
    return int(status) >= HTTPStatus.BAD_REQUEST


def _refusal(status: str, response: Json) -> str:
    headers = _headers(response)
    return f"{status} ({headers})" if headers else status


def _answer(status: str, response: Json) -> tuple[str, ...]:
    return f"{status} {HTTPStatus(int(status)).phrase}", _content(response), _headers(response)


def _headers(response: Json) -> str:
    return ", ".join(f"`{name}`" for name in response.get("headers", ()))


def _content(body: Json) -> str:
    return ", ".join(f"{_shape(content)} as `{media}`" for media, content in body.get("content", {}).items())


def _shape(content: Json) -> str:
    schema = content.get("schema", {})
    return type_of(schema.get("contentSchema", schema))


def _type(name: str, schema: Json) -> Iterator[str]:
    yield described(name, schema)
    yield from (folded("An example", example) for example in schema.get("examples", ()))
