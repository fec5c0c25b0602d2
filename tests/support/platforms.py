"""One whole platform for the end-to-end tests: ``graftwork up`` on real servers, over the scripted model."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from graftwork.client import AsyncGraftwork
from graftwork.contracts.rest import JobEvent
from tests.support.command import COMMAND
from tests.support.command import environment
from tests.support.scripted_model.child import ScriptedModel

_STOP_SECONDS = 30


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that is up: its door, its model, and its processes."""

    url: str
    key: str
    home: Path
    pid: int
    model: ScriptedModel
    kafka: str
    mongo: str
    namespace: str

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AsyncGraftwork]:
        """The Python client."""
        async with AsyncGraftwork(self.url, self.key) as client:
            yield client

    def pid_of(self, service: str) -> int:
        """Process of a service, as it is now."""
        for child in psutil.Process(self.pid).children(recursive=True):
            if child.is_running() and " ".join(child.cmdline()).endswith(f"-m graftwork_{service}"):
                return child.pid
        raise AssertionError(f"{service} does not run")

    def kill(self, service: str) -> int:
        """SIGKILL a service; return the pid it had."""
        pid = self.pid_of(service)
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture(scope="session")
def platform(
    kafka_address: str, mongo_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """The platform, started once for all tests that ask for it in this process."""
    home = tmp_path_factory.mktemp("platform")
    with ScriptedModel.running() as model:
        namespace = f"e{secrets.token_hex(4)}"
        given = {
            "GRAFTWORK_KAFKA": kafka_address,
            "GRAFTWORK_MONGO": mongo_address,
            "GRAFTWORK_NAMESPACE": namespace,
            "GRAFTWORK_LEASE_SECONDS": "4",
            "GRAFTWORK_RETRY_BASE_SECONDS": "0.2",
            "OPENAI_BASE_URL": model.base_url,
        }
        with _up(home, given) as (process, url):
            key = json.loads((home / "state.json").read_text())["api_key"]
            yield RunningPlatform(
                url=url,
                key=key,
                home=home,
                pid=process.pid,
                model=model,
                kafka=kafka_address,
                mongo=mongo_address,
                namespace=namespace,
            )


class _up:  # noqa: N801 - reads as the command it runs
    """``graftwork up --json`` until the block ends."""

    def __init__(self, home: Path, given: dict[str, str]) -> None:
        self._said = (home / "up.log").open("w+")
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [*COMMAND, "up", "--json"],
            env=environment(home, given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def __enter__(self) -> "tuple[subprocess.Popen[str], str]":
        assert self.process.stdout is not None
        for line in self.process.stdout:
            record = json.loads(line)
            if record["what"] == "ready":
                return self.process, record["url"]
        self.__exit__()
        self._said.seek(0)
        raise AssertionError(f"the platform did not start: {self._said.read()}")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        self._said.close()


async def watched(client: AsyncGraftwork, job_id: str) -> list[JobEvent]:
    """Every event of a job, to its end."""
    return [event async for event in client.watch(job_id)]


async def watched_until(client: AsyncGraftwork, job_id: str, what: str) -> JobEvent:
    """The first event of this kind."""
    async for event in client.watch(job_id):
        if event.what == what:
            return event
    raise AssertionError(f"the job ended without {what}")
