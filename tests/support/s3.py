"""A real S3 server for a test run: versitygw (a Go module), built once into the virtual environment.

``make test`` builds it beforehand, with ``python -m tests.support.s3``; else the first test that needs it does.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from graftwork.local.errors import BinaryMissing
from graftwork.local.ports import HOST
from graftwork.local.ports import free_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import accepts
from graftwork.local.server import retry_other_ports
from graftwork.local.server import silent
from graftwork.local.server import started
from graftwork.local.server import stopping
from graftwork.local.settings import LocalSettings

NAME = "S3"
BUCKET = "graftwork"
MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
TOOLS = Path(sys.prefix) / "tools"
BUILD_SECONDS = 280.0
READY_SECONDS = 30.0
KEEPING = ("posix", "--sidecar")
"""How it keeps objects: in a folder, and what it has to know of them in another."""
_KEY, _SECRET = "graftwork-tests", "not-a-secret-of-anybody"


def credentials(address: str) -> dict[str, str]:
    """Environment that lets any S3 client of ours find the server."""
    return {
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_ALLOW_HTTP": "true",
    }


@asynccontextmanager
async def s3_server(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """Start the server with one empty bucket; its objects are files in ``home``.

    Raises:
        LocalServerError: it cannot be built or started.
    """
    del address, settings
    bucket = home / "data" / BUCKET
    bucket.mkdir(parents=True)
    metadata = home / "metadata"  # beside the objects: not every file system can keep it with them
    metadata.mkdir()
    program = await _program(home)
    on_progress("Starting S3")

    port = 0

    async def attempt() -> OwnedProcess:
        nonlocal port
        (port,) = free_ports(1)
        process = OwnedProcess(
            NAME,
            [str(program), "--port", f"{HOST}:{port}", *KEEPING, str(metadata), str(home / "data")],
            log_path=home / "s3.log",
            env={"ROOT_ACCESS_KEY": _KEY, "ROOT_SECRET_KEY": _SECRET},
            ports=(port,),
        )
        return await started(process, lambda: accepts(HOST, port), timeout_seconds=READY_SECONDS)

    process = await retry_other_ports(attempt)
    async with stopping(Server(NAME, f"http://{HOST}:{port}", process)) as server:
        yield server


async def _program(home: Path) -> Path:
    """Build it unless that was done before."""
    built = TOOLS / "versitygw"
    if not built.exists():
        async with asyncio.timeout(BUILD_SECONDS):
            await _build(home)
        TOOLS.mkdir(exist_ok=True)
        shutil.move(home / built.name, built)
    return built


async def _build(home: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise BinaryMissing(NAME, remedy="the S3 server of the tests is built with Go: put go on PATH")
    environment = {**os.environ, "GOBIN": str(home), "GOFLAGS": "-modcacherw"}
    build = OwnedProcess("go install", [go, "install", MODULE], log_path=home / "build.log", env=environment)
    async with build:
        await build.wait_success()


if __name__ == "__main__":
    TOOLS.mkdir(exist_ok=True)
    asyncio.run(_build(TOOLS))
