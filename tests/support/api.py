"""Every operation of the REST API, read from its own document: a new route is tested without being told."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import Problem
from graftwork_gateway.app import bare_app
from graftwork_gateway.examples import EXAMPLES

JSON = {"Content-Type": "application/json"}
Ids = Mapping[str, str]
"""Name of a path parameter -> id."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, and what the document tells of it."""

    method: str
    path: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its ``operationId``."""
        return str(self.told["operationId"])

    @property
    def for_admins(self) -> bool:
        """Whether it wants an admin key."""
        return "admin" in self.told["tags"]

    @property
    def takes_body(self) -> bool:
        """Whether it reads a body."""
        return "requestBody" in self.told

    @property
    def ids(self) -> Sequence[str]:
        """Names of the ids in its path; a tenant's name is none."""
        return [name for name in self.parameters("path") if name != "tenant"]

    def parameters(self, place: str) -> Mapping[str, Any]:
        """Parameters in ``path``, ``query`` or ``header``: name -> schema."""
        return {one["name"]: one["schema"] for one in self.told.get("parameters", []) if one["in"] == place}

    def url(self, ids: Ids) -> str:
        """Its path with these ids; an id that is missing here has to be given by the test."""
        values = {"tenant": "somebody", **ids}
        return self.path.format(**{name: quote(values[name], safe="") for name in self.parameters("path")})

    def body(self) -> Any:
        """A body that is valid, or None."""
        if not self.takes_body:
            return None
        reference: str = self.told["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        return EXAMPLES[reference.rpartition("/")[2]]

    async def send(self, http: httpx.AsyncClient, ids: Ids, **more: Any) -> httpx.Response:
        """The answer to a valid request, or as ``more`` changes it; of an event stream the beginning alone."""
        if self.takes_body and "content" not in more:
            more.setdefault("json", self.body())
        request = http.build_request(self.method, more.pop("url", None) or self.url(ids), **more)
        answer = await http.send(request, stream=True)
        try:
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                await answer.aread()
        finally:
            await answer.aclose()
        return answer

    def check(self, answer: httpx.Response) -> None:
        """What holds for every answer: its status is documented, errors are problems, and none is ours."""
        documented = self.told["responses"]
        assert str(answer.status_code) in documented, f"{self.name}: {answer.status_code} is not documented"
        assert answer.status_code < 500, f"{self.name}: {answer.text}"
        if answer.status_code >= 400:
            assert problem_of(answer).status == answer.status_code


def problem_of(answer: httpx.Response) -> Problem:
    """The problem that an answer tells."""
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE, answer.text
    return Problem.model_validate_json(answer.content)


def operations() -> Sequence[Operation]:
    """All of them."""
    paths: Mapping[str, Mapping[str, Any]] = bare_app().openapi()["paths"]
    return [
        Operation(method.upper(), path, told) for path, methods in paths.items() for method, told in methods.items()
    ]
