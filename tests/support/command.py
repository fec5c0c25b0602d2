"""The ``graftwork`` command as a child process."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Self

import psutil

from tests.support.processes import assert_gone

COMMAND = (sys.executable, "-m", "graftwork.cli.main")
_FOREIGN = ("GRAFTWORK_", "OPENAI_")


def environment(home: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Ours, without any Graftwork that the machine happens to have."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**inherited, "GRAFTWORK_HOME": str(home), "GRAFTWORK_GATEWAY_PORT": "0", **given}


@dataclass(frozen=True)
class Ended:
    """What became of a command."""

    status: int
    stdout: str
    stderr: str


async def graftwork(home: Path, *arguments: str, **given: str) -> Ended:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env=environment(home, given), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, stdout.decode(), stderr.decode())


class Up:
    """A running ``graftwork up --json``."""

    def __init__(self, home: Path, process: asyncio.subprocess.Process) -> None:
        self.home = home
        self.process = process
        self.url = ""
        self.key = ""

    @classmethod
    @asynccontextmanager
    async def started(cls, home: Path, *options: str, **given: str) -> AsyncIterator[Self]:
        """Start it, wait until it is ready, and leave nothing of it."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "up", "--json", *options, env=environment(home, given), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        up = cls(home, process)
        try:
            up.url = (await up.told("ready"))["url"]
            up.key = json.loads((home / "state.json").read_text())["api_key"]
            yield up
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()

    async def told(self, what: str, containing: str = "") -> dict[str, Any]:
        """Return the next record of that kind whose message contains the text."""
        assert self.process.stdout is not None
        lines = []
        async for line in self.process.stdout:
            lines.append(line.decode())
            record: dict[str, Any] = json.loads(line)
            if record["what"] == what and containing in record.get("message", ""):
                return record
        raise AssertionError(f"it ended before it told of {what} {containing}: {''.join(lines)}")

    def family(self) -> dict[int, str]:
        """Pid -> command line of the process and everything it started."""
        parent = psutil.Process(self.process.pid)
        return {each.pid: " ".join(each.cmdline()) for each in [parent, *parent.children(recursive=True)]}

    async def end(self, number: signal.Signals) -> int:
        """Send it a signal; return its exit status."""
        self.process.send_signal(number)
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


def assert_all_gone(family: Mapping[int, str]) -> None:
    """Check that nothing of a family runs."""
    for pid in family:
        assert_gone(pid)
