"""A solver pod as its operator meets it: a process with an environment, a log, metrics, and processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import psutil

_GRACE_SECONDS = 300.0
_SAMPLE = re.compile(r"^([\w:]+)(?:\{.*\})? (\S+)", re.MULTILINE)
_QUICK = {
    "GRAFTWORK_SOLVERS_PORT": "0",
    "GRAFTWORK_HTTP_PORT": "0",
    "GRAFTWORK_SOLVERS_PROPAGATION_SECONDS": "0",
    "PYTHONUNBUFFERED": "1",
}
# What the one who runs the tests has set for a pod of theirs is not meant for these.
_LEFT_OUT = ("GRAFTWORK_SOLVERS_", "GRAFTWORK_MODELS", "OPENAI_")


class PodProcess:
    """A pod, from its start; a thread reads its log, so that it can write as much of it as it likes."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "graftwork_solvers"],
            env={**inherited, **_QUICK, **environment},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._entries: list[dict[str, Any]] = []
        self._ended = False
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="pod-log", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._popen.pid

    @property
    def grpc_address(self) -> str:
        """Where it takes calls."""
        return f"127.0.0.1:{self.heard('service.started')['grpc_port']}"

    def heard(self, event: str, *, seconds: float = 30, since: int = 0, **fields: Any) -> dict[str, Any]:
        """The first log entry of ``event`` with these fields, from number ``since`` on, waited for.

        Raises:
            AssertionError: it does not come in time, or the pod ends without it.
        """

        def found() -> dict[str, Any] | None:
            fitting = (one for one in self._entries[since:] if one["event"] == event and fields.items() <= one.items())
            return next(fitting, None)

        with self._more:
            self._more.wait_for(lambda: found() or self._ended, seconds)
            entry = found()
        assert entry is not None, f"the pod did not say {event} {fields}, but: {self.said()}"
        return entry

    @property
    def entries(self) -> int:
        """How much it has said."""
        return len(self._entries)

    def states(self, since: int = 0) -> list[str]:
        """What its engine has been, one after the other, from log entry ``since`` on."""
        return [entry["state"] for entry in self._entries[since:] if entry["event"] == "engine.state"]

    def said(self) -> str:
        """The end of its log."""
        return "\n".join(json.dumps(entry) for entry in self._entries[-60:])

    def family(self) -> list[psutil.Process]:
        """Every process that descends from it."""
        return psutil.Process(self.pid).children(recursive=True)

    def engine(self, name: str) -> psutil.Process:
        """The one process of its engine that calls itself so."""
        [found] = [process for process in self.family() if name in " ".join(process.cmdline())]
        return found

    async def metrics(self) -> dict[str, float]:
        """Its metrics, and its engine's, summed over labels."""
        port = self.heard("service.started")["http_port"]
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:  # noqa: S501 - no TLS on this machine
            exposition = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
        sums: dict[str, float] = {}
        for name, value in _SAMPLE.findall(exposition):
            sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def status(self, seconds: float = _GRACE_SECONDS) -> int:
        """Wait for its end; its exit status."""
        status = self._popen.wait(seconds)
        self._reader.join()
        return status

    def close(self) -> None:
        """End it, politely at first."""
        self.signal(signal.SIGTERM)
        try:
            self.status()
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self.status()
        assert self._popen.stderr is not None
        self._popen.stderr.close()

    def _read(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self._note(_entry(line))
        with self._more:
            self._ended = True
            self._more.notify_all()

    def _note(self, entry: dict[str, Any]) -> None:
        with self._more:
            self._entries.append(entry)
            self._more.notify_all()


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = {"event": line.decode(errors="replace").rstrip()}
    return entry if isinstance(entry, dict) else {"event": str(entry)}


@contextmanager
def pod_process(environment: Mapping[str, str]) -> Iterator[PodProcess]:
    """Run a pod until the block ends."""
    pod = PodProcess(environment)
    try:
        yield pod
    finally:
        pod.close()
