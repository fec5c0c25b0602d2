"""A Hugging Face hub for one test: the routes that an upload uses, and the files that arrived."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from aiohttp import web

TOKEN = "hf_a-token-of-nobody"
READ_ONLY = "hf_may-only-read"
COMMIT = "1" * 40


@dataclass
class Repo:
    """A repository: path -> content of what was committed."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    summaries: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """Repositories by name, and large files by digest. ``broken``: the store of large files takes none."""

    url: str = ""
    broken: bool = False
    repos: dict[str, Repo] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        name = f"{asked['organization']}/{asked['name']}"
        told = {"url": f"{self.url}/datasets/{name}"}
        if name in self.repos:
            return web.json_response({**told, "error": "You already created this dataset repo"}, status=409)
        self.repos[name] = Repo(private=asked.get("visibility") == "private")
        return web.json_response(told)

    async def info(self, request: web.Request) -> web.Response:
        name = _name(request)
        told = {"id": name, "private": self.repos[name].private, "sha": "0" * 40, "siblings": []}
        return web.json_response(told)

    async def validate(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        missing = [] if "license:" in content else [{"message": "the card names no license"}]
        return web.json_response({"errors": [], "warnings": missing})

    async def preupload(self, request: web.Request) -> web.Response:
        paths = [file["path"] for file in (await request.json())["files"]]
        files = [{"path": path, "uploadMode": _mode(path), "shouldIgnore": False} for path in paths]
        return web.json_response({"files": files})

    async def batch(self, request: web.Request) -> web.Response:
        asked = (await request.json())["objects"]
        objects = [{**each, "actions": {"upload": {"href": f"{self.url}/large/{each['oid']}"}}} for each in asked]
        return web.json_response({"transfer": "basic", "objects": objects})

    async def put(self, request: web.Request) -> web.Response:
        content, digest = await request.read(), request.match_info["digest"]
        if self.broken:
            return web.Response(status=400, headers={"X-Error-Message": "the store is full"})
        assert hashlib.sha256(content).hexdigest() == digest
        self.large[digest] = content
        return web.Response()

    async def commit(self, request: web.Request) -> web.Response:
        repo = self.repos[_name(request)]
        for line in (await request.text()).splitlines():
            self._carry_out(repo, **json.loads(line))
        url = f"{self.url}/datasets/{_name(request)}/commit/{COMMIT}"
        return web.json_response({"commitUrl": url, "commitOid": COMMIT})

    def _carry_out(self, repo: Repo, key: str, value: dict[str, Any]) -> None:
        if key == "header":
            repo.summaries.append(value["summary"])
        elif key == "file":
            repo.files[value["path"]] = base64.b64decode(value["content"])
        else:
            assert key == "lfsFile"
            repo.files[value["path"]] = self.large[value["oid"]]


def _name(request: web.Request) -> str:
    return f"{request.match_info['owner']}/{request.match_info['name']}"


def _mode(path: str) -> str:
    return "lfs" if path.endswith(".parquet") else "regular"


@web.middleware
async def _with_token(request: web.Request, handler: Any) -> web.StreamResponse:
    """Refuse as the hub does; the message repeats the token, as no hub should."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if request.path.startswith("/large/") or given == TOKEN:
        answer: web.StreamResponse = await handler(request)
        return answer
    status = 403 if given == READ_ONLY else 401
    return web.json_response({"error": f"Invalid token {given}"}, status=status)


@asynccontextmanager
async def hub_server() -> AsyncIterator[Hub]:
    """A hub on a port of its own."""
    hub = Hub()
    app = web.Application(middlewares=[_with_token], client_max_size=2**26)
    repo = "datasets/{owner}/{name}"
    app.add_routes([
        web.post("/api/repos/create", hub.create),
        web.get(f"/api/{repo}", hub.info),
        web.post("/api/validate-yaml", hub.validate),
        web.post(f"/api/{repo}/preupload/main", hub.preupload),
        web.post(f"/{repo}.git/info/lfs/objects/batch", hub.batch),
        web.put("/large/{digest}", hub.put),
        web.post(f"/api/{repo}/commit/main", hub.commit),
    ])  # fmt: skip
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        await runner.cleanup()
