"""The server as a child process, for fixtures: started, steered, and gone with its parent."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from typing import Self

import httpx

from tests.support.scripted_model.script import Planned
from tests.support.scripted_model.script import Script

_REPOSITORY = Path(__file__).parents[3]
_MODULE = "tests.support.scripted_model"
_STOP_SECONDS = 5.0


class ScriptedModel:
    """A running server. Safe to use from any event loop: it keeps no connection open."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]") -> None:
        self.url = url
        self.process = process

    @classmethod
    @asynccontextmanager
    async def started(cls, script: Script | None = None, *, port: int = 0) -> AsyncIterator[Self]:
        """Start it as a child process, and stop it at the end. ``port`` 0: a free one."""
        process = _spawned(script, port)
        try:
            yield cls(await asyncio.to_thread(_announced_url, process), process)
        finally:
            await asyncio.to_thread(_stop, process)

    @classmethod
    @contextmanager
    def running(cls, script: Script | None = None, *, port: int = 0) -> Iterator[Self]:
        """The same, for fixtures that outlive an event loop."""
        process = _spawned(script, port)
        try:
            yield cls(_announced_url(process), process)
        finally:
            _stop(process)

    @property
    def base_url(self) -> str:
        """What goes into ``OPENAI_BASE_URL``."""
        return f"{self.url}/v1"

    async def change(self, patch: Mapping[str, Any]) -> None:
        """Merge ``patch`` into the script."""
        await self._call("POST", "/script", patch)

    async def replace(self, script: Script) -> None:
        """Follow this script and nothing else."""
        await self._call("PUT", "/script", script.model_dump(mode="json"))

    async def fail_next(self, *planned: Planned) -> None:
        """Let the next calls of a role fail."""
        await self.change({"next": [one.model_dump(mode="json") for one in planned]})

    async def stats(self) -> dict[str, Any]:
        """Counters; see README."""
        report: dict[str, Any] = await self._call("GET", "/stats")
        return report

    async def requests(self, role: str) -> list[dict[str, Any]]:
        """Bodies of the latest calls of ``role``, oldest first."""
        found = await self._call("GET", f"/requests?role={role}")
        return [one["body"] for one in found]

    async def reset(self) -> None:
        """Counters to zero; the script stays."""
        await self._call("POST", "/reset")

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.request(method, self.url + path, json=body)
        response.raise_for_status()
        return response.json()


start_scripted_model = ScriptedModel.started


def _spawned(script: Script | None, port: int) -> "subprocess.Popen[bytes]":
    arguments = ["--port", str(port), "--until-stdin-closes"]
    if script is not None:
        arguments += ["--script", script.model_dump_json()]
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _MODULE, *arguments],
        cwd=_REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _announced_url(process: "subprocess.Popen[bytes]") -> str:
    if process.stdout is None:
        raise RuntimeError("the scripted model was started without a pipe")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the scripted model ended with status {process.wait()} before it listened")
    return str(json.loads(line)["url"])


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
