"""``python -m tests.support.scripted_model --port N``: serve until a signal, or until stdin closes."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from tests.support.scripted_model.app import Server
from tests.support.scripted_model.script import Script

_HOST = "127.0.0.1"


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="scripted_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one, told on stdout")
    parser.add_argument("--script", default="{}", help="the script as JSON, or @file")
    parser.add_argument("--ready-file", type=Path, help="where to write the JSON line as well")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent, however it ends")
    arguments = parser.parse_args()
    text = arguments.script
    script = Script.model_validate_json(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(script, arguments.port, arguments.ready_file, with_parent=arguments.until_stdin_closes))


async def _serve(script: Script, port: int, ready_file: Path | None, *, with_parent: bool) -> None:
    runner = web.AppRunner(Server(script).app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, _HOST, port, backlog=1024)
    await site.start()
    try:
        _announce(runner.addresses[0][1], ready_file)
        await _end(with_parent=with_parent)
    finally:
        await runner.cleanup()


def _announce(port: int, ready_file: Path | None) -> None:
    line = json.dumps({"url": f"http://{_HOST}:{port}", "port": port, "pid": os.getpid()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if ready_file is not None:
        ready_file.write_text(line)


async def _end(*, with_parent: bool) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    if with_parent:
        await loop.connect_read_pipe(lambda: _UntilClosed(over), sys.stdin)
    await over.wait()


class _UntilClosed(asyncio.Protocol):
    """Rings when the other end of the pipe is gone."""

    def __init__(self, over: asyncio.Event) -> None:
        self._over = over

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        self._over.set()


if __name__ == "__main__":
    main()
